#!/bin/sh
# Makes the PNGs of all sizes from icon.svg; run it when the drawing changes. ImageMagick of many
# systems reads no SVG, so its two shapes are handed over as drawing commands.
set -eu
cd "$(dirname "$0")"
of() { sed -n "s/.*<$1 .* $2=\"\([^\"]*\)\".*/\1/p" icon.svg; }
draw() {
  convert -size 2048x2048 xc:none -scale 2048x2048 \
    -fill "$(of rect fill)" -draw "scale 4,4 roundrectangle 24,24 488,488 $(of rect rx),$(of rect rx)" \
    -fill "$(of path fill)" -draw "scale 4,4 path '$(of path d)'" \
    -resize "$1x$1" -depth 8 -define png:color-type=6 -strip "$2"
}
draw 32 32x32.png
draw 128 128x128.png
draw 256 128x128@2x.png
draw 512 icon.png
