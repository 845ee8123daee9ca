"""A frozen network rewritten for inference on a CPU: each convolution does its activation and addition in one pass.

oneDNN, which torch ships, fuses them and keeps the weights in the order that the processor likes. Nothing is compiled:
the rewriting takes well under a second, and gives up where it does not understand the network or the result differs.
"""

import logging
import operator
import threading
import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from icicore.embeddings.lite0 import SameConv
from icicore.embeddings.onednn import Place, convolved, laid_out
from icicore.embeddings.winograd import Winograd, worthwhile

log = logging.getLogger(__name__)

_ADDITIONS = (operator.add, operator.iadd, torch.add)
_SAME = {torch.float32: 1e-4, torch.bfloat16: 0.1}
"""Largest difference from the network as it was, as a share of its largest output."""
_BATCH_HINT = 8
_making = threading.Lock()
_made: "weakref.WeakKeyDictionary[nn.Module, dict[tuple[torch.dtype, int], nn.Module | None]]" = (
    weakref.WeakKeyDictionary()
)


def fused(module: nn.Module, dtype: torch.dtype, input_px: int) -> nn.Module | None:
    """The network for inference on squares of ``input_px``, made once; None where it cannot be rewritten.

    Takes channels-last float32 (n, 3, input_px, input_px), computes in ``dtype`` and returns float32.
    """
    key = (dtype, input_px)
    kinds = _made.get(module)
    if kinds is None or key not in kinds:
        with _making:
            kinds = _made.setdefault(module, {})
            if key not in kinds:
                kinds[key] = _checked(module, dtype, input_px)
    return kinds[key]


def _checked(module: nn.Module, dtype: torch.dtype, input_px: int) -> nn.Module | None:
    if module.training or next(module.parameters()).device.type != "cpu":
        return None
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 3, input_px, input_px, generator=generator).to(memory_format=torch.channels_last)
    try:
        with torch.inference_mode(mode=False), torch.no_grad():
            engine = _Engine(_rewrite(module, x, dtype), dtype)
            truth, found = module(x), engine(x)
    except (RuntimeError, AttributeError, TypeError, ValueError, NotImplementedError, fx.proxy.TraceError) as error:
        log.info("the network runs as it is: %s", error)
        return None
    far = float((truth - found).abs().max() / truth.abs().max().clamp(min=1e-6))
    return engine if far <= _SAME[dtype] else None


class _Engine(nn.Module):
    def __init__(self, graph: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.graph, self.dtype = graph, dtype

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.graph(x.to(self.dtype, memory_format=torch.channels_last))
        return out.float()


@dataclass(frozen=True)
class _Tail:
    """What follows a convolution and is done with it: an addition, an activation; ``last`` is the last node of it."""

    last: fx.Node
    other: fx.Node | None = None
    attr: str = "none"
    scalars: tuple[float, ...] = ()


class _Fused(nn.Module):
    """One convolution with what follows it."""

    def __init__(self, conv: nn.Conv2d, tail: _Tail, size: tuple[int, ...], dtype: torch.dtype) -> None:
        super().__init__()
        self.pad = _odd_padding(conv, size) if isinstance(conv, SameConv) else None
        padding = (0, 0) if self.pad else conv.padding
        self.place = Place(padding, conv.stride, conv.dilation, conv.groups)  # type: ignore[arg-type]
        self.weight = laid_out(conv.weight, self.place, (_BATCH_HINT, *size[1:]), dtype)
        self.bias = None if conv.bias is None else conv.bias.detach().to(dtype)
        self.attr, self.scalars = tail.attr, tail.scalars

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        if self.pad:
            x = functional.pad(x, self.pad)
        given = (x, self.weight, self.bias, self.place)
        return convolved(*given, activation=self.attr, limits=self.scalars, other=other)


def _module(conv: nn.Conv2d, tail: _Tail, size: tuple[int, ...], dtype: torch.dtype) -> nn.Module:
    alone = tail.other is None and tail.attr in ("none", "relu") and not isinstance(conv, SameConv)
    if alone and worthwhile(conv, size):
        return Winograd(conv, (_BATCH_HINT, *size[1:]), dtype, relu=tail.attr == "relu")
    return _Fused(conv, tail, size, dtype)


def _odd_padding(conv: SameConv, size: tuple[int, ...]) -> list[int]:
    rows, cols = conv.padding_of(size[-2:])
    return [*cols, *rows]


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, SameConv) or super().is_leaf_module(m, module_qualified_name)


class _Shapes(fx.Interpreter):
    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        n.meta["shape"] = tuple(result.shape) if isinstance(result, Tensor) else None
        return result


def _rewrite(module: nn.Module, x: Tensor, dtype: torch.dtype) -> fx.GraphModule:
    graph = fx.GraphModule(module, _Tracer().trace(module))
    _Shapes(graph).run(x)
    modules = dict(graph.named_modules())
    for node in list(graph.graph.nodes):
        if node.op == "call_module" and isinstance(modules[node.target], nn.Identity):
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)
    order = {node: place for place, node in enumerate(graph.graph.nodes)}
    for number, node in enumerate(list(graph.graph.nodes)):
        if node.op != "call_module" or not isinstance(modules[node.target], nn.Conv2d):
            continue
        tail = _tail(node, modules, order)
        graph.add_module(f"fused_{number}", _module(modules[node.target], tail, node.args[0].meta["shape"], dtype))
        with graph.graph.inserting_before(node):
            inputs = (node.args[0],) if tail.other is None else (node.args[0], tail.other)
            made = graph.graph.call_module(f"fused_{number}", inputs)
        made.meta["shape"], order[made] = tail.last.meta["shape"], order[node]
        tail.last.replace_all_uses_with(made)
    graph.graph.eliminate_dead_code()
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph


def _tail(conv: fx.Node, modules: dict[str, nn.Module], order: dict[fx.Node, int]) -> _Tail:
    """Addition and activation that only this convolution feeds; the other summand must exist before it runs."""
    tail = _activation(_Tail(conv), modules)
    if tail.last is not conv or len(conv.users) != 1:
        return tail
    addition = next(iter(conv.users))
    if addition.op != "call_function" or addition.target not in _ADDITIONS or len(addition.args) != 2:
        return tail
    others = [node for node in addition.args if isinstance(node, fx.Node) and node is not conv]
    if len(others) != 1 or others[0].meta["shape"] != conv.meta["shape"] or order[others[0]] >= order[conv]:
        return tail
    return _activation(_Tail(addition, others[0]), modules)


def _activation(tail: _Tail, modules: dict[str, nn.Module]) -> _Tail:
    user = next(iter(tail.last.users)) if len(tail.last.users) == 1 else None
    if user is None or user.op != "call_module":
        return tail
    follower = modules[str(user.target)]
    if isinstance(follower, nn.ReLU6):
        return _Tail(user, tail.other, "hardtanh", (0.0, 6.0))
    if isinstance(follower, nn.ReLU):
        return _Tail(user, tail.other, "relu")
    return tail
