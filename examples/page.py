"""Write a page of text as `outputs/page.png`: low frequencies are not enough to learn it."""

from pathlib import Path
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

SIDE = 512  # pixels
MARGIN = 30
TITLE = "What a network reads"
TEXT = (
    "A photograph is smooth. A page is ink or paper.",
    "From coordinates alone a network makes a grey cloud of it. Give it waves, and letters "
    "come up like a print in its bath.",
    "Too slow, and strokes run together. Too fast, and anything may stand between the pixels.",
)

page = Image.new("L", (SIDE, SIDE), 255)
draw = ImageDraw.Draw(page)
draw.text((MARGIN, MARGIN), TITLE, fill=0, font=ImageFont.load_default(44))
top = MARGIN + 72
for size, paragraph in zip((36, 30, 26), TEXT, strict=True):
    font = ImageFont.load_default(size)
    letters = round((SIDE - 2 * MARGIN) / font.getlength(paragraph) * len(paragraph)) - 2
    for line in wrap(paragraph, letters):
        draw.text((MARGIN, top), line, fill=0, font=font)
        top += round(1.25 * size)
    top += size // 2
page.save(Path(__file__).resolve().parent.parent / "outputs" / "page.png")
