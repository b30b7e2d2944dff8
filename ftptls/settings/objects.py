"""Object stores, and what else is reached by a URL."""

from __future__ import annotations

from dataclasses import dataclass

from ftptls.settings.about import setting


def is_option(text: str) -> bool:
    """Whether it gives a name a value: ``anon=true``."""
    name, equals, _ = text.partition("=")
    return bool(equals) and name.isidentifier()


@dataclass(frozen=True, slots=True)
class Objects:
    """Stores behind URLs such as ``s3://bucket/prefix/{user}`` in ``files.root``.

    Each kind of URL takes its extra: ``ftptls[s3]``, or ``ftptls[fsspec]`` and what fsspec's
    documentation names for the others.
    """

    endpoint_url: str = setting(
        "",
        "Where the S3 API is, such as `https://minio.example.com:9000`; by default Amazon's.",
        flag="s3-endpoint-url",
        accepts="a URL that begins with http:// or https://, without credentials in it",
        check=lambda text: (
            not text or (text.startswith(("http://", "https://")) and "@" not in text)
        ),
        secret=True,
    )
    region: str = setting("", "Region of the bucket; by default that of the profile.")
    aws_credentials: str = setting(
        "",
        "Profile of AWS's own configuration files with whose credentials S3 is used. Without "
        "one they come from the environment, such as `AWS_ACCESS_KEY_ID`, or from the machine.",
    )
    options: tuple[str, ...] = setting(
        (),
        "What else the client of a store is to be told: lines such as `account_name=example`, "
        "with the names of fsspec's documentation. Values are JSON, or else text.",
        accepts="a name and a value, such as anon=true",
        check=is_option,
        secret=True,
    )
    piece: int = setting(
        8,
        "MiB of one part of an upload, or of one request of a download. The largest file that "
        "S3 then takes is of 9900 parts; a transfer holds a few of them in memory.",
        minimum=5,
    )
    parallel: int = setting(2, "Parts of one transfer that are under way at a time.", minimum=1)
    renamed: int = setting(
        1000,
        "Objects that renaming one directory may copy, for a store cannot rename; of larger "
        "ones it is refused with 550.",
    )
    tries: int = setting(
        5,
        "How often a request is made before it counts as failed: again after resets, timeouts "
        "and answers of 5xx, after growing pauses.",
        minimum=1,
    )
    timeout: float = setting(30.0, "Seconds that one request may take.", minimum=1)
    threads: int = setting(
        16, "Threads that wait for stores; those of `limits.threads` never do.", minimum=1
    )
