"""Certificate Manager."""

from collections.abc import Mapping

RECORDED_ONLY: Mapping[str, str] = {
    "aws:acm/certificate:Certificate": "the gateway speaks HTTP on loopback, where nothing needs a certificate",
    "aws:acm/certificateValidation:CertificateValidation": "no certificate is issued here, so none waits for its proof",
}
