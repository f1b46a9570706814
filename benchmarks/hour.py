"""Person-minutes until a dataset of faces is finished: with certified filling, with suggestions only, and plain.

A replay of labelling CelebA with the product's own trainer, plans and decisions. A person answers the images of whole people
that were drawn as the audit set without suggestions, and the other images in a random order. After every budget of STOPS a model learns from
all labels of the train people, and suggests the values of what comes next. With certified filling, every attribute is then
planned on the audit labels; if a sample pays, it is asked blind, and the decision of the product fills cells or does not. An
image without an open cell costs nothing.

What an answer costs is the model of benchmarks/person.py, which presses the real page's keys: a look at the image, and a key
for every value that is not suggested rightly, two for one that is suggested wrongly. A replay knows the true labels: nobody errs.
"""

from annotator.domain.certificates.plan import Seconds
from annotator.domain.certificates.target import Target
from benchmarks.person import KEY, LOOK

STOPS = (100, 200, 400, 800, 1600)
"""Labelled images, the audit images among them, after which a model learns and the plans are made."""
AUDIT_SHARE = 0.1
TARGET = Target(error=0.02, recall=0.95)
SEEDS = 3
FIRST_SEED = 900
SECONDS = Seconds(blind=LOOK + KEY, usual=LOOK + KEY)
