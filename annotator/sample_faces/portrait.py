"""One picture: a person in a pose, a light and a place, photographed a little imperfectly."""

import cmath
from random import Random as Rng
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from annotator.sample_faces import face as parts
from annotator.sample_faces import hair, hats
from annotator.sample_faces.canvas import UNITS, Canvas, Colour, ellipse, mirrored, mix, smooth
from annotator.sample_faces.people import Beard, Features, Person, Style, features
from annotator.sample_faces.plan import Answers
from annotator.sample_faces.scenes import background, draw_scene

CLOTHES: tuple[Colour, ...] = (
    (86, 120, 160), (204, 96, 84), (240, 236, 228), (70, 74, 92), (120, 160, 130), (226, 176, 86), (150, 110, 160),
    (64, 110, 116), (214, 140, 150), (44, 56, 84),
)  # fmt: skip


def _mood(person: Person, rng: Rng) -> parts.Mood:
    smile = rng.choice(
        (rng.uniform(0.1, 0.35), rng.uniform(0.35, 0.7), rng.uniform(0.5, 0.85), rng.uniform(0.75, 1.0))
    )
    return parts.Mood(
        yaw=rng.uniform(-1, 1) ** 3 if person.age == "child" else rng.uniform(-0.9, 0.9),
        open_eyes=rng.uniform(0.86, 1.15) - 0.12 * max(0.0, smile),
        smile=smile,
        teeth=smile > 0.55 and rng.random() < 0.75,
        brow_lift=rng.random(),
        gaze=complex(rng.uniform(-1.8, 1.8), rng.uniform(-0.8, 0.8)),
    )


def _draw_body(canvas: Canvas, face: Features, rng: Rng) -> None:
    """Draw neck and shoulders in changing clothes."""
    w, top, cloth = face.width, face.chin, rng.choice(CLOTHES)
    dark = mix(cloth, (20, 16, 40), 0.25)
    shoulder = [
        (top + 22) * 1j,
        0.5 * w + (top + 22) * 1j,
        1.25 * w + (top + 36) * 1j,
        1.85 * w + (top + 62) * 1j,
    ]
    shirt = smooth(mirrored([*shoulder, 2.1 * w + 230j, 240j]), closed=True)
    neck = smooth(
        mirrored(
            [30j, 0.52 * w + 30j, 0.48 * w + (top + 8) * 1j, 0.66 * w + (top + 26) * 1j, (top + 46) * 1j]
        ),
        closed=True,
    )
    canvas.fill(shirt, cloth)
    canvas.fill(neck, face.skin)
    canvas.glow(1j * (top - 4), 0.9 * w, 34, face.shade, 0.85, inside=canvas.mask(neck))
    kind = rng.choice(("crew", "collar", "hoodie"))
    if kind == "collar":
        for side in (-1, 1):
            flap = [side * 0.56 * w + (top + 14) * 1j, (top + 48) * 1j, side * 0.5 * w + (top + 58) * 1j]
            canvas.fill([*flap, side * 0.84 * w + (top + 28) * 1j], mix(cloth, parts.WHITE, 0.35))
    else:
        rim = [-0.68 * w + (top + 22) * 1j, -0.4 * w + (top + 38) * 1j, (top + 46) * 1j]
        rim += [0.4 * w + (top + 38) * 1j, 0.68 * w + (top + 22) * 1j]
        canvas.stroke(rim, 12 if kind == "hoodie" else 6, dark, taper=0.3)


def _draw_head(canvas: Canvas, face: Features, mood: parts.Mood, light: float) -> Image.Image:
    """Draw ears and head with soft shading; return the mask of the head."""
    w = face.width
    for side in (-1, 1):
        ear = ellipse(side * (w + 2) + 4j - 3 * mood.yaw, 0.62 * face.ears, face.ears + 3, 0.18 * side)
        canvas.fill(ear, mix(face.skin, face.shade, 0.22))
        canvas.fill(0.55 * ear + 0.45 * (side * (w + 2) + 4j - 3 * mood.yaw), mix(face.skin, face.shade, 0.6))
    outline = parts.head_outline(face)
    canvas.fill(outline, face.skin)
    head = canvas.mask(outline)
    canvas.glow(-light * 1.15 * w + 10j, 0.9 * w, 105, face.shade, 0.55, inside=head)
    canvas.glow(1j * (face.chin + 12), w, 30, face.shade, 0.4, inside=head)
    canvas.glow(light * 0.35 * w - 34j, 0.8 * w, 36, mix(face.skin, parts.WHITE, 0.6), 0.4, inside=head)
    blush_share = 0.16 + 0.26 * face.skin[1] / 228  # deep skin blushes less visibly
    blush = mix(face.skin, (222, 74, 66), blush_share)
    for side in (-1, 1):
        canvas.glow(side * 0.58 * w + 20j + 5 * mood.yaw, 17, 13, blush, 0.62, inside=head)
    return head


def _natural_hair(answers: Answers, person: Person) -> int:
    """Return the hair colour code of brows and beard, also where no hair shows."""
    if answers.hair_color != 8:
        return answers.hair_color
    if person.hair_color != 8:
        return person.hair_color
    return 2 if person.age == "old" else int(person.skin > 2)


def _brow_colour(code: int, face: Features) -> Colour:
    """Return a colour for brows and beards that stands out from the skin; dyed hair leaves them natural."""
    natural = hair.look({6: 1, 7: 0}.get(code, code), face).colour
    return mix(natural, face.shade, 0.30) if code in {2, 3, 5} else mix(natural, parts.INK, 0.25)


class _Sitter(NamedTuple):
    """A person as they come to the sitting."""

    answers: Answers
    style: Style
    beard: Beard
    feminine: bool
    face: Features
    mood: parts.Mood
    light: float  # from the left (-1) or the right (1)
    paint: hair.Look
    brow: Colour


def _seat(answers: Answers, person: Person, rng: Rng) -> _Sitter:
    face, code = features(person), _natural_hair(answers, person)
    return _Sitter(
        answers=answers,
        style=person.style,
        beard=person.beard,
        feminine=person.feminine,
        face=face,
        mood=_mood(person, rng),
        light=rng.choice((-1.0, 1.0)),
        paint=hair.look(code, face),
        brow=_brow_colour(code, face),
    )


def _draw_hair_behind(canvas: Canvas, sitter: _Sitter, rng: Rng) -> None:
    answers, style = sitter.answers, sitter.style
    if answers.hair_top == 3 and answers.hair_color == 8:
        if style != "turban":
            hats.draw_inside_of_hood(canvas, sitter.face)
    elif answers.hair_top in {2, 3}:
        below_hat = answers.hair_top == 3 and style in {
            "afro",
            "curly",
            "bun",
        }  # these styles do not fit under a hat
        hair.draw_behind(canvas, "bob" if below_hat else style, sitter.paint, sitter.face, rng)


def _draw_hair_on_top(canvas: Canvas, sitter: _Sitter, rng: Rng) -> None:
    answers, style, face = sitter.answers, sitter.style, sitter.face
    if answers.hair_top == 1:
        hair.draw_few(canvas, sitter.paint, face, rng)
    elif answers.hair_top == 2:
        hair.draw_thick(canvas, style, sitter.paint, face, rng)
    elif answers.hair_top == 3:
        covering = answers.hair_color == 8
        if not covering:
            hair.draw_sides(canvas, style, sitter.paint, face, rng)
        hats.draw_hat(canvas, style, face, rng, covering=covering)


def _draw_features(canvas: Canvas, sitter: _Sitter, rng: Rng) -> None:
    answers, face, mood = sitter.answers, sitter.face, sitter.mood
    head = _draw_head(canvas, face, mood, sitter.light)
    if answers.hair_top == 0:
        canvas.glow(sitter.light * 0.3 * face.width - 64j, 24, 13, parts.WHITE, 0.5)
    parts.draw_beard(canvas, sitter.beard, face, mood, sitter.brow, head)
    if answers.freckles:
        parts.draw_freckles(canvas, face, mood, rng)
    parts.draw_nose(canvas, face, mood, sitter.light)
    parts.draw_mouth(canvas, face, mood, feminine=sitter.feminine)
    if answers.glasses != 2:
        parts.draw_eyes(canvas, face, mood, feminine=sitter.feminine)
    if answers.wrinkles:
        parts.draw_wrinkles(canvas, face, mood)
    parts.draw_brows(canvas, face, mood, sitter.brow)


def _photograph(picture: Image.Image, rng: Rng) -> Image.Image:
    """Return the picture under a coloured light, a little blurred and noisy."""
    brightness, warmth = rng.uniform(0.90, 1.07), rng.uniform(-0.035, 0.045)
    tints = brightness * np.array([[1 + warmth], [1], [1 - warmth]])
    levels = np.minimum(tints * np.arange(256), 255).astype(int).ravel().tolist()
    picture = picture.point(levels)
    if rng.random() < 0.35:
        picture = picture.filter(ImageFilter.BoxBlur(rng.uniform(0.3, 0.8)))
    noise = Image.frombytes("L", picture.size, rng.randbytes(picture.width * picture.height))
    return Image.blend(picture, Image.merge("RGB", (noise,) * 3), rng.uniform(0.005, 0.03))


def draw_face(answers: Answers, person: Person | None, seed: int, *, size: int = 256) -> Image.Image:
    """Return a drawn face that shows exactly the given answers.

    Args:
        answers: the codes to show. A hair colour is visible (not 8) with few or thick hair, not visible with a bald
            head, either with a hat.
        person: whose face; may be None where the answers say that no face is shown.
        seed: decides pose, expression, light, clothes, background, hat and frame.
        size: width and height in pixels.

    Returns:
        An RGB image; the same arguments give the same pixels, other answers the same sitting.

    Raises:
        ValueError: the answers contradict each other, or no person is given for a face.
    """

    def dice(part: str) -> Rng:
        # each part has its own generator, so that another answer changes only the part that it is about
        return Rng(f"{part}:{seed}")  # noqa: S311 - a drawing, not a secret

    if answers.not_human:
        return _photograph(draw_scene(size, dice("scene")), dice("camera"))
    if person is None:
        raise ValueError("A face needs a person; nothing was drawn. Give one, or answers with not_human 1.")
    if (answers.hair_color == 8) not in {0: {True}, 3: {True, False}}.get(answers.hair_top, {False}):
        raise ValueError(
            f"Hair top {answers.hair_top} and hair colour {answers.hair_color} contradict each other; nothing was "
            "drawn. Colour 8 (not visible) belongs to a bald head (0) or a hat (3)."
        )
    canvas = Canvas(background(size, dice("background")))
    pose = dice("pose")
    centre = complex(UNITS / 2 + pose.uniform(-14, 14), 0.54 * UNITS + pose.uniform(-8, 8))
    canvas.place(centre, cmath.rect(pose.uniform(0.94, 1.16), pose.uniform(-0.13, 0.13)))
    sitter = _seat(answers, person, pose)
    _draw_hair_behind(canvas, sitter, dice("hair"))
    _draw_body(canvas, sitter.face, dice("clothes"))
    _draw_features(canvas, sitter, dice("freckles"))
    if answers.glasses:
        parts.draw_glasses(canvas, sitter.face, sitter.mood, dice("glasses"), dark=answers.glasses == 2)
    _draw_hair_on_top(canvas, sitter, dice("hair"))
    return _photograph(canvas.finish(), dice("camera"))
