"""Certificates for a scenario, made as deploy/certificates makes them, and one that has expired."""

from pathlib import Path

from common import ROOT, output_of


class Authority:
    """A directory of its own, with a subdirectory for each name."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.certificate = directory / "ca.pem"

    def make(self, *names: str) -> None:
        output_of([str(ROOT / "deploy" / "certificates"), str(self.directory), *names])

    def of(self, name: str) -> Path:
        """The certificate of the name; the key lies beside it."""
        return self.directory / name / "cert.pem"

    def key_of(self, name: str) -> Path:
        return self.directory / name / "key.pem"

    def expire(self, name: str) -> None:
        """Signs the certificate again, to end yesterday."""
        request = str(self.directory / name / "request.pem")
        output_of(["openssl", "x509", "-x509toreq", "-copy_extensions", "copyall", "-in", str(self.of(name)),
                   "-signkey", str(self.key_of(name)), "-out", request])
        output_of(["openssl", "x509", "-req", "-copy_extensions", "copyall", "-in", request, "-days", "-1",
                   "-CA", str(self.certificate), "-CAkey", str(self.directory / "ca.key"),
                   "-out", str(self.of(name))])
