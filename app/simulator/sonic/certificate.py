"""A certificate authority of the simulator's own: made anew at each start, its key never written."""

import ipaddress
import os
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_BACKDATED = timedelta(days=1)
_LIFE = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Certificates:
    ca_pem: bytes
    leaf_pem: bytes
    leaf_key_pem: bytes


def make_certificates(host: str = "127.0.0.1", life: timedelta = _LIFE) -> Certificates:
    """An authority and a leaf for localhost, 127.0.0.1, ::1 and `host`, good for `life` (less than nothing: it has run
    out)."""
    ca_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("Offhook simulator CA")
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    ca = _builder(ca_name, ca_name, ca_key.public_key()).add_extension(constraints, critical=True)
    ca = ca.add_extension(_signs_certificates(), critical=True)
    ca = ca.add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
    leaf = _builder(_name("localhost"), ca_name, leaf_key.public_key(), life)
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(x509.SubjectAlternativeName(_own_names(host)), critical=False)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    leaf = leaf.add_extension(issuer, critical=False)
    pem = serialization.Encoding.PEM
    return Certificates(
        ca.sign(ca_key, hashes.SHA256()).public_bytes(pem),
        leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem),
        leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _own_names(host: str) -> list[x509.GeneralName]:
    known = {ipaddress.ip_address(address) for address in ("127.0.0.1", "::1", host) if _is_address(address)}
    addresses = [x509.IPAddress(address) for address in sorted(known, key=str)]
    names = {"localhost"} if _is_address(host) else {"localhost", host}
    return [*(x509.DNSName(name) for name in sorted(names)), *addresses]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta = _LIFE
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - _BACKDATED).not_valid_after(now + life)


def write_ca(path: Path, certificates: Certificates) -> None:
    """Put the authority's certificate where clients look for it, whole or not at all. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(certificates.ca_pem)
    os.chmod(name, 0o644)
    os.replace(name, path)


def server_context(certificates: Certificates, protocol: str = "h2") -> ssl.SSLContext:
    """TLS that speaks this protocol and nothing else."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([protocol])
    with tempfile.NamedTemporaryFile(suffix=".pem") as chain:
        chain.write(certificates.leaf_pem + certificates.leaf_key_pem)
        chain.flush()
        context.load_cert_chain(chain.name)
    return context
