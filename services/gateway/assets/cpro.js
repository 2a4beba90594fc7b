// What pages do better with JavaScript: the focus goes where something has changed.
// (Without it each answer is a new page, whose error summary takes the focus by itself.)
const attend = () => {
  const place = document.querySelector("#erreurs") ?? document.querySelector("#titre");
  place?.focus({ preventScroll: place.id === "titre" });
  if (place?.id === "titre") window.scrollTo(0, 0);
};

// The focus is ours then: the browser's own would only complain that something has it.
document.addEventListener("htmx:after:request", (event) => {
  const ctx = event.detail?.ctx;
  if (ctx?.text) ctx.text = ctx.text.replaceAll(" autofocus", "");
  keep(ctx?.response?.status >= 400);
});

document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail?.ctx?.target ?? event.target;
  if (target?.id !== "page" && target !== document.body) return;
  giveBack();
  attend();
});

// A chosen file stays chosen when its form comes back refused.
let chosen = [];
const keep = (refused) => {
  const fields = refused ? [...document.querySelectorAll("form.upload input[type=file]")] : [];
  chosen = fields.filter((field) => field.files.length).map(({ id, files }) => [id, files]);
};
const giveBack = () => {
  for (const [id, files] of chosen) {
    const field = document.getElementById(id);
    if (field?.type === "file") field.files = files;
  }
};

// A large file takes its time, and may not arrive.
const say = (form, what) => {
  const line = form?.closest?.("form.upload")?.querySelector(".sending");
  if (line) line.textContent = line.dataset[what];
};
document.addEventListener("htmx:before:request", ({ target }) => say(target, "underWay"));
document.addEventListener("htmx:error", ({ target }) => {
  say(target, "failed");
  if (target.dataset) delete target.dataset.sent; // what did not arrive may be sent again at once
});

// A button pressed twice does one thing. (Heard before htmx, which would send the second one after.)
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 2000);
}, { capture: true });

// A file may be dropped on the form that takes one.
const dropped = (event) => event.target.closest?.("form.upload");
document.addEventListener("dragover", (event) => {
  const form = dropped(event);
  if (!form) return;
  event.preventDefault();
  form.classList.add("over");
});
document.addEventListener("dragleave", (event) => dropped(event)?.classList.remove("over"));
document.addEventListener("drop", (event) => {
  const form = dropped(event);
  if (!form) return;
  event.preventDefault();
  form.classList.remove("over");
  form.querySelector("input[type=file]").files = event.dataTransfer.files;
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload(); // not what someone else has left behind
});
