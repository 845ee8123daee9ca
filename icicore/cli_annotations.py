"""Commands on annotations: export, import and mask."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from icicore.access import Role
from icicore.cli_tools import PATH, Group, acting, example, print_json, services
from icicore.slides.annotation_geojson import Origin

if TYPE_CHECKING:
    from icicore.embeddings.bag import Bag

_ORIGIN = click.option(
    "--origin",
    type=click.Choice(get_args(Origin)),
    default="scan",
    show_default=True,
    help="Corner that coordinates count from: of the scanned area (as QuPath shows it) or of the whole file "
    "(QuPath with --no-crop). The same where the slide states no scanned area.",
)


@click.group(cls=Group)
@example("icicore annotations export slide.mrxs --out slide.geojson")
def annotations() -> None:
    """Annotations that were drawn on slides: QuPath GeoJSON in and out, training masks."""


@annotations.command("export")
@click.argument("slide", type=PATH)
@click.option("--out", required=True, type=PATH, help="GeoJSON file to write.")
@_ORIGIN
@example("icicore annotations export slide.svs --out slide.geojson")
def export_(*, slide: Path, out: Path, origin: Origin) -> None:
    """Write the annotations of a slide as GeoJSON that QuPath opens."""
    from icicore.workflows.annotations import export_file

    acting(Role.READER, "see annotations", slide=slide)
    click.echo(f"{export_file(services(), slide, out, origin=origin)} annotations\t{out}")


@annotations.command("import")
@click.argument("slide", type=PATH)
@click.argument("file", type=PATH)
@_ORIGIN
@example("icicore annotations import slide.svs slide.geojson")
def import_(*, slide: Path, file: Path, origin: Origin) -> None:
    """Read a GeoJSON file of QuPath into the annotations of a slide: all of it, or nothing."""
    from icicore.workflows.annotations import import_file

    author = acting(Role.REVIEWER, "annotate a slide", slide=slide)
    found = import_file(services(), slide, file, origin=origin, author=author.name)
    click.echo(f"{found['new']} new, {found['changed']} changed, {found['unchanged']} unchanged")


@annotations.command()
@click.argument("slide", type=PATH)
@click.option("--class", "label", required=True, help="Class of the annotations, as shown in the viewer.")
@click.option("--out", required=True, type=PATH, help="Where to write the mask (safetensors).")
@click.option("--bag", type=PATH, help="Bag of the slide; default: it is embedded (cached).")
@click.option("--backbone", default="efficientnet_lite0", show_default=True, help="Used without --bag.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@example("icicore annotations mask slide.svs --class Tumor --out tumour.safetensors")
def mask(*, slide: Path, label: str, out: Path, bag: Path | None, backbone: str, as_json: bool) -> None:
    """Write which share of each tile the annotations of a class cover, for training on regions."""
    from icicore.workflows.annotations import mask_file

    acting(Role.REVIEWER, "make a training mask", slide=slide)
    tools = services()

    def embedded(path: Path) -> "Bag":
        from icicore.workflows.inference import embed_default

        return embed_default(tools, path, backbone=backbone)

    summary = mask_file(tools, slide, out, label=label, bag_of=embedded, bag_file=bag)
    if as_json:
        print_json(summary)
    else:
        click.echo(f"{summary['covered']} of {summary['n_tiles']} tiles, {summary['wholly']} wholly\t{out}")
