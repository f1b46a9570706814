"""The tables, by subject. Migrations compare with all of them, so this package imports each one."""

from annotator.models.accounts import AccessEntry, ApiToken, FailedLogins, Identity, Labeller, LoginSession
from annotator.models.answers import (
    Annotation,
    Flag,
    Label,
    Submission,
    TakeBack,
    TakeBackSubmission,
    Undecided,
)
from annotator.models.base import MAX_NUMBER, Base, Time, now
from annotator.models.certificates import Certificate, CertificateCell, CertificateSample
from annotator.models.faces import Face, NotThisPerson, PersonChange
from annotator.models.groups import GroupDecision, ImageGroup
from annotator.models.images import (
    OPEN_IMAGES,
    OPEN_IMAGES_OF_POOL,
    Erasure,
    Exclusion,
    Image,
    ImageAlias,
    Import,
    Tombstone,
    WatchedAddress,
)
from annotator.models.project import BackupPlace, Project, StoredStatistics
from annotator.models.rounds import Predictions, Round, Snapshot, SuggestionSource
from annotator.models.schema import AttributeRow, ValueRow
from annotator.models.tasks import AskedAgain, Lease, OpinionWanted, SearchedImage, Skip
from annotator.models.team import (
    Assignment,
    AssignmentPerson,
    AssignmentPool,
    Gold,
    Qualification,
    QualificationImage,
)
from annotator.models.workers import Claim, Worker

__all__ = [
    "MAX_NUMBER",
    "OPEN_IMAGES",
    "OPEN_IMAGES_OF_POOL",
    "AccessEntry",
    "Annotation",
    "ApiToken",
    "AskedAgain",
    "Assignment",
    "AssignmentPerson",
    "AssignmentPool",
    "AttributeRow",
    "BackupPlace",
    "Base",
    "Certificate",
    "CertificateCell",
    "CertificateSample",
    "Claim",
    "Erasure",
    "Exclusion",
    "Face",
    "FailedLogins",
    "Flag",
    "Gold",
    "GroupDecision",
    "Identity",
    "Image",
    "ImageAlias",
    "ImageGroup",
    "Import",
    "Label",
    "Labeller",
    "Lease",
    "LoginSession",
    "NotThisPerson",
    "OpinionWanted",
    "PersonChange",
    "Predictions",
    "Project",
    "Qualification",
    "QualificationImage",
    "Round",
    "SearchedImage",
    "Skip",
    "Snapshot",
    "StoredStatistics",
    "Submission",
    "SuggestionSource",
    "TakeBack",
    "TakeBackSubmission",
    "Time",
    "Tombstone",
    "Undecided",
    "ValueRow",
    "WatchedAddress",
    "Worker",
    "now",
]
