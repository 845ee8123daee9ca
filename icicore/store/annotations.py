"""Annotations of slides, with author, time and a revision that keeps two people from overwriting each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from icicore.slides.annotations import Annotation
from icicore.store.engine import Database
from icicore.store.tables import AnnotationTable
from icicore.types import Json


@dataclass(frozen=True)
class AnnotationRow:
    """An annotation as stored; ``revision`` counts its changes from 1."""

    slide_id: str
    annotation: Annotation
    author: str
    created: datetime
    changed_by: str
    updated: datetime
    revision: int
    deleted: bool = False

    def to_json(self) -> Json:
        """Plain values, times as ISO 8601 in UTC."""
        return self.annotation.to_json() | {
            "author": self.author,
            "created": self.created.isoformat(timespec="seconds"),
            "changed_by": self.changed_by,
            "updated": self.updated.isoformat(timespec="seconds"),
            "revision": self.revision,
            "deleted": self.deleted,
        }


class Conflict(Exception):
    """Somebody else changed the annotation meanwhile; ``row`` is what is stored now."""

    def __init__(self, row: AnnotationRow) -> None:
        super().__init__("the annotation was changed meanwhile")
        self.row = row


class AnnotationStore:
    """Reads and writes annotations by slide id (first 16 hex digits of the slide's digest)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, slide_id: str) -> list[AnnotationRow]:
        """Annotations of a slide that were not deleted, oldest first."""
        query = (
            select(AnnotationTable)
            .where(AnnotationTable.slide_id == slide_id, AnnotationTable.deleted.is_(False))
            .order_by(AnnotationTable.created, AnnotationTable.annotation_id)
        )
        with self._database.session() as session:
            return [_to_row(t) for t in session.scalars(query)]

    def version(self, slide_id: str) -> str:
        """Value that changes with every change to the slide's annotations."""
        query = select(func.count(), func.sum(AnnotationTable.revision)).where(AnnotationTable.slide_id == slide_id)
        with self._database.session() as session:
            count, total = session.execute(query).one()
            return f"{count}-{total or 0}"

    def put(self, slide_id: str, annotation: Annotation, *, author: str, revision: int) -> AnnotationRow:
        """Insert (``revision`` 0) or change an annotation.

        Raises
        ------
        Conflict : what is stored has another revision. The same content again is no conflict: a browser that lost the
            answer sends once more.
        """
        try:
            with self._database.session() as session:
                return self._put(session, slide_id, annotation, author=author, revision=revision)
        except IntegrityError:  # two inserts at once
            with self._database.session() as session:
                return self._put(session, slide_id, annotation, author=author, revision=revision)

    def put_all(self, slide_id: str, annotations: Sequence[Annotation], *, author: str) -> Json:
        """Insert or replace many in one transaction; returns how many were ``new``, ``changed`` and ``unchanged``."""
        counts = {"new": 0, "changed": 0, "unchanged": 0}
        with self._database.session() as session:
            for annotation in annotations:
                found = session.get(AnnotationTable, (slide_id, annotation.annotation_id), with_for_update=True)
                if found is not None and not found.deleted and found.content == annotation.to_json():
                    counts["unchanged"] += 1
                    continue
                counts["new" if found is None or found.deleted else "changed"] += 1
                revision = 0 if found is None else found.revision
                self._put(session, slide_id, annotation, author=author, revision=revision)
        return counts

    def delete(self, slide_id: str, annotation_id: str, *, author: str, revision: int) -> None:
        """Mark an annotation as deleted; one that is not there is deleted already.

        Raises
        ------
        Conflict : somebody changed it meanwhile
        """
        with self._database.session() as session:
            found = session.get(AnnotationTable, (slide_id, annotation_id), with_for_update=True)
            if found is None or found.deleted:
                return
            if found.revision != revision:
                raise Conflict(_to_row(found))
            found.deleted, found.changed_by, found.updated = True, author, datetime.now(UTC)
            found.revision += 1

    def _put(
        self, session: Session, slide_id: str, annotation: Annotation, *, author: str, revision: int
    ) -> AnnotationRow:
        found = session.get(AnnotationTable, (slide_id, annotation.annotation_id), with_for_update=True)
        content, now = annotation.to_json(), datetime.now(UTC)
        if found is None:
            found = AnnotationTable(
                slide_id=slide_id,
                annotation_id=annotation.annotation_id,
                author=author,
                created=now,
                revision=0,
                deleted=False,
            )
            session.add(found)
        elif found.content == content and not found.deleted:
            return _to_row(found)
        elif found.revision != revision:
            raise Conflict(_to_row(found))
        found.content, found.label, found.deleted = content, annotation.label, False
        found.changed_by, found.updated = author, now
        found.revision += 1
        session.flush()
        return _to_row(found)


def _to_row(table: AnnotationTable) -> AnnotationRow:
    content = table.content
    return AnnotationRow(
        slide_id=table.slide_id,
        annotation=Annotation(
            annotation_id=table.annotation_id,
            geometry=content["geometry"],
            label=content["label"],
            colour=(content["colour"][0], content["colour"][1], content["colour"][2]),
            comment=content["comment"],
            verdict=content["verdict"],
            about=content["about"],
        ),
        author=table.author,
        created=table.created,
        changed_by=table.changed_by,
        updated=table.updated,
        revision=table.revision,
        deleted=table.deleted,
    )
