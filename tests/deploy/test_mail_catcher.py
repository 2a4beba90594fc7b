"""The mail catcher of the local stack keeps each mail as a file."""

import smtplib
import sys
from email.message import EmailMessage
from functools import partial
from pathlib import Path

from deploy.local import ROOT, kept
from deploy.local.processes import Program, start, stop, wait_until


def test_each_mail_is_kept_as_a_file_of_its_own(tmp_path: Path) -> None:
    port = kept.port(tmp_path, "mail")
    run = [sys.executable, "-m", "deploy.local.mail_catcher", str(port), str(tmp_path / "mails")]
    process = start(Program("mail catcher", run, tmp_path / "log", {"PATH": ""}, ROOT))
    try:
        wait_until(partial(kept.listening, port), process, within=30)
        mail = EmailMessage()
        mail["To"] = "a@b.example"
        mail.set_content("Bonjour")
        with smtplib.SMTP("127.0.0.1", port) as client:
            for to in ("a@b.example", "../c@d.example"):
                client.send_message(mail, "x@y.example", to)
    finally:
        stop(process)
    files = sorted((tmp_path / "mails").iterdir())
    assert [file.name for file in files] == ["00001-a@b.example.eml", "00002-.._c@d.example.eml"]
    assert "Bonjour" in files[0].read_text()
