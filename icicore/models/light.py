"""The models' forward pass in NumPy, from embeddings of the slide on, for all members of an ensemble at once.

The front end asks "what if" and must answer at once, but loads no torch. The slide encoder is left out: its embedding
does not change when a gene or a clinical value does, and is kept with the result. Tests hold this file equal to the
models of the neighbouring files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from scipy import special

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, MODALITIES, modalities_read
from icicore.errors import BundleError
from icicore.fingerprint import file_digest
from icicore.models.interval import member_interval, sigmoid
from icicore.types import F32, Json, Mask

_WEIGHTS = "weights.safetensors"
_LEAST_SHARE = 0.02
_TOKEN_CLIP, _SET_CLIP, _SPEED, _NORM = 5.0, 4.0, 5.0, 1e-5
_Arrays: TypeAlias = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, eq=False)
class LightInputs:
    """One case from its embeddings on; ``None`` means that the modality is absent.

    Attributes
    ----------
    slide : float32 (members, d), the slide embedding of each member
    readable : share of the tiles behind it that can be read
    gene_values, gene_measured : float32 and bool (T,), scaled as the model sees them
    clinical_values, clinical_measured : float32 and bool (4,), scaled
    """

    slide: F32 | None = None
    gene_values: F32 | None = None
    gene_measured: Mask | None = None
    clinical_values: F32 | None = None
    clinical_measured: Mask | None = None
    readable: float = 1.0


@dataclass(frozen=True)
class LightScore:
    """As in ``scoring.Score``: logits are calibrated, weights are None where a modality is absent."""

    logit: float
    probability: float
    interval95: tuple[float, float]
    member_logits: tuple[float, ...]
    modality_weights: dict[str, float | None]


class LightEnsemble:
    """The members of a bundle as stacked arrays; the first axis of every array is the member.

    Parameters
    ----------
    weights : as in weights.safetensors
    spec : content of bundle.json
    """

    def __init__(self, weights: Mapping[str, np.ndarray[Any, Any]], spec: Json) -> None:
        self.spec, self.model = spec, spec["model"]
        self.arms: tuple[str, ...] = modalities_read(str(self.model["kind"]))
        members = range(int(spec["members"]))
        names = [name.removeprefix("members.0.") for name in weights if name.startswith("members.0.")]
        self._w: _Arrays = {name: np.stack([weights[f"members.{k}.{name}"] for k in members]) for name in names}
        if GENOMICS in self.arms:
            speed = np.clip(_SPEED * self._w["encoders.genomics.pool.logit"], -8.0, 8.0)
            self._strength = np.exp(speed)

    @classmethod
    def load(cls, folder: Path, spec: Json) -> "LightEnsemble":
        """Read the weights of a bundle folder whose bundle.json is ``spec``.

        Raises
        ------
        BundleError
            the weights are missing, damaged, or not those that bundle.json describes
        """
        path = folder / _WEIGHTS
        try:
            if file_digest(path) != spec["seal"]["weights_sha256"]:
                raise BundleError(path, "is not the file that bundle.json describes", remedy="copy the bundle again")
            return cls(load_tensors(path.read_bytes()), spec)
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            raise BundleError(path, f"cannot be read ({error})", remedy="copy the bundle again") from error

    def score(self, inputs: LightInputs) -> LightScore:
        """Calibrated score with its interval; a case of which nothing is present gets the training prevalence."""
        present = self.present(inputs)
        raw, weights = self._forward(inputs, present)
        calibration = self.spec["calibration"]
        members = [float(calibration["slope"] * v + calibration["intercept"]) for v in raw]
        if not any(present.values()):
            members = [float(self.spec["base_logit"])] * len(members)
        logit = sum(members) / len(members)
        mean = weights.mean(axis=0)
        return LightScore(
            logit=logit,
            probability=sigmoid(logit),
            interval95=member_interval(members, folds=bool(self.spec["training"].get("folds"))),
            member_logits=tuple(members),
            modality_weights={m: float(mean[k]) if present[m] else None for k, m in enumerate(MODALITIES)},
        )

    def present(self, inputs: LightInputs) -> dict[str, bool]:
        """Modalities that are there and that the model looks at."""
        there = {
            HISTOLOGY: inputs.slide is not None,
            GENOMICS: inputs.gene_measured is not None and bool(inputs.gene_measured.any()),
            CLINICAL: inputs.clinical_measured is not None and bool(inputs.clinical_measured.any()),
        }
        return {m: there[m] and m in self.arms for m in MODALITIES}

    def _forward(self, inputs: LightInputs, present: Mapping[str, bool]) -> tuple[F32, F32]:
        """Raw logit (members,) and modality weights (members, 3)."""
        embeddings: dict[str, F32] = {}
        if present[HISTOLOGY] and inputs.slide is not None:
            embeddings[HISTOLOGY] = inputs.slide.astype(np.float32)
        if present[GENOMICS] and inputs.gene_values is not None and inputs.gene_measured is not None:
            embeddings[GENOMICS] = self._genes(inputs.gene_values, inputs.gene_measured)
        if present[CLINICAL] and inputs.clinical_values is not None and inputs.clinical_measured is not None:
            embeddings[CLINICAL] = self._clinical(inputs.clinical_values, inputs.clinical_measured)
        return self._fuse(embeddings, self._shares(inputs))

    def _clinical(self, values: F32, measured: Mask) -> F32:
        """Embedding (members, d)."""
        x = np.concatenate([np.where(measured, values, 0), measured.astype(np.float32)]).astype(np.float32)
        members = len(self._w["encoders.clinical.mlp.0.weight"])
        hidden = _gelu(self._linear("encoders.clinical.mlp.0", np.tile(x, (members, 1))))
        return self._norm("encoders.clinical.mlp.4", self._linear("encoders.clinical.mlp.3", hidden))

    def _genes(self, values: F32, measured: Mask) -> F32:
        """Embedding (members, d)."""
        known = measured.astype(np.float32)
        bounded = _bound(np.where(measured, values, 0).astype(np.float32), _TOKEN_CLIP) * known
        if self.model["gene_attention"] == "full":
            level = np.tile(bounded, (len(self._strength), 1))
            return self._tokens(level, np.tile(measured, (len(level), 1)))
        membership = self._w["encoders.genomics.pool.membership"]
        strength = self._strength * known
        total = np.einsum("mt,mtp->mp", strength, membership, optimize=True)
        pooled = np.einsum("mt,mtp->mp", strength * bounded, membership, optimize=True)
        raw = pooled / np.maximum(total, np.finfo(np.float32).tiny)
        scaled = (raw - self._w["encoders.genomics.pool.centre"]) / self._w["encoders.genomics.pool.scale"]
        return self._tokens(_bound(scaled, _SET_CLIP) * (total > 0), total > 0)

    def _tokens(self, level: F32, there: Mask) -> F32:
        """Embedding (members, d) of token levels (members, n), of which only those ``there`` count."""
        place = self._w["encoders.genomics.place"]
        x = place + level[..., None] * self._w["encoders.genomics.direction"]
        keys = there | ~there.any(axis=1, keepdims=True)
        for layer in range(int(self.model["gene_layers"])):
            x = self._block(f"encoders.genomics.blocks.{layer}", x, keys)
        score = np.einsum("mnd,mkd->mn", x, self._w["encoders.genomics.score.weight"])
        attention = _softmax(self._w["encoders.genomics.prior"] + score, there)
        root = np.sqrt(np.maximum(there.sum(axis=1, keepdims=True), 1)).astype(np.float32)
        return np.asarray(root * np.einsum("mn,mnd->md", attention, x - place), np.float32)

    def _block(self, name: str, x: F32, keys: Mask) -> F32:
        """One Transformer block on (members, n, d)."""
        members, n, dim = x.shape
        heads = int(self.model["gene_heads"])
        qkv = self._linear(f"{name}.qkv", self._norm(f"{name}.norm1", x))
        q, k, v = qkv.reshape(members, n, 3, heads, dim // heads).transpose(2, 0, 3, 1, 4)
        logits = q @ k.transpose(0, 1, 3, 2) / np.float32((dim // heads) ** 0.5)
        mixed = _softmax(logits, np.broadcast_to(keys[:, None, None, :], logits.shape)) @ v
        gain = self._w[f"{name}.gain"]
        said = self._linear(f"{name}.out", mixed.transpose(0, 2, 1, 3).reshape(members, n, dim))
        x = np.asarray(x + gain[:, 0, None] * said, np.float32)
        wide = _gelu(self._linear(f"{name}.mlp.0", self._norm(f"{name}.norm2", x)))
        return np.asarray(x + gain[:, 1, None] * self._linear(f"{name}.mlp.3", wide), np.float32)

    def _shares(self, inputs: LightInputs) -> F32:
        """How much of each modality can be read, (3,)."""
        shares = np.ones(len(MODALITIES), np.float32)
        if self.model.get("weigh_readable") and len(self.arms) > 1:
            shares[MODALITIES.index(HISTOLOGY)] = max(_LEAST_SHARE, inputs.readable)
        return shares

    def _fuse(self, embeddings: Mapping[str, F32], shares: F32) -> tuple[F32, F32]:
        members = len(self._w["fusion.classifier.0.weight"])
        present = np.array([m in embeddings for m in MODALITIES])
        dim = self._w["fusion.projections.0.weight"].shape[1]
        hidden = np.zeros((members, len(MODALITIES), dim), np.float32)
        for k, modality in enumerate(MODALITIES):
            if modality in embeddings:
                hidden[:, k] = np.tanh(self._linear(f"fusion.projections.{k}", embeddings[modality]))
        flags = np.tile(present.astype(np.float32), (members, 1))
        there = flags * shares
        equal = flags / np.maximum(flags.sum(axis=1, keepdims=True), 1)
        if self.model["kind"] == "concat":
            joined = np.concatenate([hidden.reshape(members, -1), flags], axis=1)
            return self._classify(joined), equal
        weights = there / np.maximum(there.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
        if "fusion.score.weight" in self._w:
            score = self._linear("fusion.score", hidden)[..., 0] + np.log(shares)
            weights = _softmax(score, np.tile(present, (members, 1)))
        fused = np.einsum("mk,mkd->md", weights, hidden)
        if self.model.get("scale_by_present"):
            fused = fused * (there.sum(axis=1, keepdims=True) / np.float32(len(self.arms)))
        return self._classify(fused), weights

    def _classify(self, fused: F32) -> F32:
        hidden = np.maximum(self._linear("fusion.classifier.0", fused), 0).astype(np.float32)
        return self._linear("fusion.classifier.2", hidden)[:, 0]

    def _linear(self, name: str, x: F32) -> F32:
        """A layer of every member on its own (..., in) of (members, ..., in)."""
        weight, bias = self._w[f"{name}.weight"], self._w[f"{name}.bias"]
        if x.ndim == 2:
            return np.asarray((x[:, None] @ weight.transpose(0, 2, 1))[:, 0] + bias, np.float32)
        return np.asarray(x @ weight.transpose(0, 2, 1) + bias[:, None], np.float32)

    def _norm(self, name: str, x: F32) -> F32:
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _NORM)
        weight, bias = self._w[f"{name}.weight"], self._w[f"{name}.bias"]
        middle = (slice(None), *(None,) * (x.ndim - 2))
        return np.asarray(scaled * weight[middle] + bias[middle], np.float32)


def _bound(values: F32, limit: float) -> F32:
    return np.asarray(limit * np.tanh(values / limit), np.float32)


def _gelu(x: F32) -> F32:
    return np.asarray(0.5 * x * (1 + special.erf(x / np.float32(2**0.5))), np.float32)


def _softmax(logits: F32, mask: Mask) -> F32:
    """As ``attention.masked_softmax``."""
    hidden = np.where(mask, logits, -np.inf)
    peak = hidden.max(axis=-1, keepdims=True)
    weights = np.exp(hidden - np.where(np.isinf(peak), 0, peak))
    return np.asarray(weights / np.maximum(weights.sum(axis=-1, keepdims=True), np.finfo(np.float32).tiny), np.float32)
