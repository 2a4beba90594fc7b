// Builds the assets: names with a hash of the content, gzip and brotli beside, one manifest.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const HERE = import.meta.dirname;
const OUT = join(HERE, "..", "static");
const SOURCES = {
  "pico.css": "node_modules/@picocss/pico/css/pico.min.css",
  "htmx.js": "node_modules/htmx.org/dist/htmx.min.js",
  "cpro.css": "cpro.css",
  "cpro.js": "cpro.js",
  "favicon.svg": "favicon.svg",
};

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const manifest = {};
for (const [name, source] of Object.entries(SOURCES)) {
  const text = readFileSync(join(HERE, source), "utf8");
  // Maps of sources are not served: without this line the browser's tools would ask for them.
  const content = Buffer.from(text.replace(/\n?\/[/*]# sourceMappingURL=.*$/m, ""));
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const end = extname(name);
  const named = `${basename(name, end)}.${hash}${end}`;
  manifest[name] = named;
  writeFileSync(join(OUT, named), content);
  writeFileSync(join(OUT, `${named}.gz`), gzipSync(content, { level: 9 }));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
  writeFileSync(join(OUT, `${named}.br`), brotliCompressSync(content, { params }));
}
writeFileSync(join(OUT, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);

// The fonts of the PDF documents: nothing that browsers are served.
const FONTS = join(HERE, "..", "fonts");
rmSync(FONTS, { recursive: true, force: true });
mkdirSync(FONTS, { recursive: true });
for (const name of ["ttf/DejaVuSans.ttf", "ttf/DejaVuSans-Bold.ttf", "LICENSE"]) {
  copyFileSync(join(HERE, "node_modules/dejavu-fonts-ttf", name), join(FONTS, basename(name)));
}
