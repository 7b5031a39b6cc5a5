//! Pictures in boxes (ISO/IEC 14496-12 and 23008-12: HEIC, AVIF). Nobody here can decode them, so they
//! cannot be made anew, are never shown in place and have no thumbnail: one downloads them. But where
//! they were taken does not come with them: only what draws the picture stays, byte for byte where it
//! was, and all else (Exif, XMP, names, films beside the picture, whatever no item refers to) becomes
//! zeros. An animation becomes its first picture. What is not understood to its end is refused: it
//! might hide a place.

use super::pictures::Wrong;
use std::collections::HashSet;
use std::ops::Range;

/// Items that draw something.
const DRAWN: [&[u8; 4]; 11] = [
    b"hvc1", b"hvt1", b"hev1", b"lhv1", b"av01", b"avc1", b"vvc1", b"grid", b"iovl", b"iden",
    b"tmap",
];
/// Properties that say how something is drawn.
const PROPERTIES: [&[u8; 4]; 27] = [
    b"ispe", b"pixi", b"colr", b"pasp", b"hvcC", b"av1C", b"lhvC", b"avcC", b"vvcC", b"irot",
    b"imir", b"clap", b"auxC", b"rloc", b"lsel", b"oinf", b"tols", b"a1op", b"a1lx", b"clli",
    b"mdcv", b"amve", b"cclv", b"ndwt", b"reve", b"iscl", b"rref",
];
/// Names of animations, and what their first picture alone is called.
const MOVING: [(&[u8; 4], &[u8; 4]); 4] =
    [(b"avis", b"avif"), (b"msf1", b"mif1"), (b"hevc", b"heic"), (b"hevx", b"heix")];
/// Boxes in one box; a picture has a few dozens, and one of tiles some hundreds of items.
const MOST: usize = 20_000;

type Clean<T> = Result<T, Wrong>;

/// A box: its name, and where its content is.
#[derive(Clone, Debug)]
struct Place {
    name: [u8; 4],
    /// Where its name is.
    named: usize,
    content: Range<usize>,
}

/// The picture and nothing beside it.
pub fn cleaned(mut bytes: Vec<u8>) -> Clean<Vec<u8>> {
    let top = children(&bytes, 0..bytes.len())?;
    let mut meta = top.iter().filter(|place| &place.name == b"meta");
    let (Some(meta), None) = (meta.next(), meta.next()) else { return Err(Wrong::Beside) };
    let stores: Vec<_> = top.iter().filter(|place| &place.name == b"mdat").collect();
    let kept = described(&mut bytes, meta, &stores)?;
    for place in &top {
        match &place.name {
            b"ftyp" => still(&mut bytes, place)?,
            b"meta" => {}
            b"mdat" => keep_only(&mut bytes, place.content.clone(), &kept),
            _ => drop_box(&mut bytes, place),
        }
    }
    Ok(bytes)
}

/// Cleans what describes the picture; where in the file the bytes are that draw it.
fn described(bytes: &mut [u8], meta: &Place, stores: &[&Place]) -> Clean<Vec<Range<usize>>> {
    let inner = children(bytes, from(&meta.content, 4)?)?;
    let one = |name: &[u8; 4]| {
        let mut found = inner.iter().filter(|place| &place.name == name);
        match (found.next(), found.next()) {
            (Some(place), None) => Ok(place.clone()),
            _ => Err(Wrong::Beside),
        }
    };
    let (items, main) = (drawn(bytes, &one(b"iinf")?)?, primary(bytes, &one(b"pitm")?)?);
    if !items.contains(&main) {
        return Err(Wrong::Beside);
    }
    let own = one(b"idat").ok().map(|place| place.content);
    let (mut kept, mut inside) = (Vec::new(), Vec::new());
    for (range, in_own) in located(bytes, &one(b"iloc")?, &items)? {
        match &own {
            Some(own) if in_own => inside.push(moved(&range, own)?),
            None if in_own => return Err(Wrong::Beside),
            _ => {
                let holds = |store: &&Place| {
                    store.content.start <= range.start && range.end <= store.content.end
                };
                kept.push(stores.iter().any(holds).then_some(range).ok_or(Wrong::Beside)?);
            }
        }
    }
    for place in &inner {
        match &place.name {
            b"pitm" | b"iloc" | b"iinf" | b"iref" | b"grpl" => {}
            // Its name is for people.
            b"hdlr" => bytes[from(&place.content, 24)?].fill(0),
            b"iprp" => properties(bytes, place)?,
            b"idat" => keep_only(bytes, place.content.clone(), &inside),
            _ => drop_box(bytes, place),
        }
    }
    Ok(kept)
}

/// The items that draw something; of the others not even what they were is left, and no names.
fn drawn(bytes: &mut [u8], list: &Place) -> Clean<HashSet<u64>> {
    let mut at = Reader { bytes, at: list.content.start, end: list.content.end };
    let wide = at.number(1)? > 0;
    at.skip(3)?;
    at.skip(if wide { 4 } else { 2 })?;
    let entries = children(bytes, from(&list.content, if wide { 8 } else { 6 })?)?;
    let mut drawn = HashSet::new();
    for entry in entries {
        let mut at = Reader { bytes, at: entry.content.start, end: entry.content.end };
        let version = at.number(1)?;
        at.skip(3)?;
        if &entry.name != b"infe" || !matches!(version, 2 | 3) {
            return Err(Wrong::Beside);
        }
        let id = at.number(if version == 2 { 2 } else { 4 })?;
        at.skip(2)?;
        let kind = at.at..at.at + 4;
        at.skip(4)?;
        if DRAWN.iter().any(|known| bytes[kind.clone()] == known[..]) {
            drawn.insert(id);
        } else {
            bytes[kind.clone()].copy_from_slice(b"skip");
        }
        bytes[kind.end..entry.content.end].fill(0);
    }
    Ok(drawn)
}

fn primary(bytes: &[u8], place: &Place) -> Clean<u64> {
    let mut at = Reader { bytes, at: place.content.start, end: place.content.end };
    let wide = at.number(1)? > 0;
    at.skip(3)?;
    at.number(if wide { 4 } else { 2 })
}

/// Where the bytes of these items are: in the file, or (true) in the box beside the description.
fn located(bytes: &[u8], list: &Place, items: &HashSet<u64>) -> Clean<Vec<(Range<usize>, bool)>> {
    let mut at = Reader { bytes, at: list.content.start, end: list.content.end };
    let version = at.number(1)?;
    at.skip(3)?;
    let (first, second) = (at.number(1)?, at.number(1)?);
    let sizes = [first >> 4, first & 15, second >> 4, second & 15].map(|size| size as usize);
    let [offset_size, length_size, base_size, index_size] = sizes;
    if version > 2 || sizes.iter().any(|size| !matches!(size, 0 | 4 | 8)) {
        return Err(Wrong::Beside);
    }
    let wide = if version == 2 { 4 } else { 2 };
    let (mut ranges, mut looked) = (Vec::new(), 0);
    for _ in 0..at.number(wide)? {
        let id = at.number(wide)?;
        let how = if version > 0 { at.number(2)? & 15 } else { 0 };
        let elsewhere = at.number(2)?;
        let base = at.number(base_size)?;
        for _ in 0..at.number(2)? {
            // Of sizes that are nought a few bytes would say as many as they like.
            looked += 1;
            if looked > MOST {
                return Err(Wrong::Beside);
            }
            at.skip(if version > 0 { index_size } else { 0 })?;
            let (offset, length) = (at.number(offset_size)?, at.number(length_size)?);
            if !items.contains(&id) {
                continue;
            }
            let start = base.checked_add(offset).ok_or(Wrong::Beside)?;
            let end = start.checked_add(length).ok_or(Wrong::Beside)?;
            if elsewhere > 0 || how > 1 || length == 0 || end > bytes.len() as u64 {
                return Err(Wrong::Beside);
            }
            ranges.push((start as usize..end as usize, how == 1));
        }
    }
    Ok(ranges)
}

/// Of what is said of the items only how they are drawn stays, each in its place: they are counted.
fn properties(bytes: &mut [u8], place: &Place) -> Clean<()> {
    for inner in children(bytes, place.content.clone())? {
        match &inner.name {
            b"ipma" => {}
            b"ipco" => {
                for property in children(bytes, inner.content.clone())? {
                    if !PROPERTIES.contains(&&property.name) {
                        drop_box(bytes, &property);
                    }
                }
            }
            _ => drop_box(bytes, &inner),
        }
    }
    Ok(())
}

/// Whatever moved stands still.
fn still(bytes: &mut [u8], place: &Place) -> Clean<()> {
    if place.content.len() < 8 {
        return Err(Wrong::Beside);
    }
    let (brands, _) = bytes[place.content.clone()].as_chunks_mut::<4>();
    for brand in brands {
        if let Some((_, name)) = MOVING.iter().find(|(moving, _)| *moving == brand) {
            *brand = **name;
        }
    }
    Ok(())
}

/// A box becomes room that is free.
fn drop_box(bytes: &mut [u8], place: &Place) {
    bytes[place.named..place.named + 4].copy_from_slice(b"free");
    bytes[place.content.clone()].fill(0);
}

/// All but these ranges becomes zeros.
fn keep_only(bytes: &mut [u8], within: Range<usize>, kept: &[Range<usize>]) {
    let mut kept = kept.to_vec();
    kept.sort_by_key(|range| range.start);
    let mut at = within.start;
    for range in kept.iter().filter(|range| range.end > within.start && range.start < within.end) {
        if range.start > at {
            bytes[at..range.start].fill(0);
        }
        at = at.max(range.end);
    }
    if at < within.end {
        bytes[at..within.end].fill(0);
    }
}

/// The boxes of a range, which they fill.
fn children(bytes: &[u8], within: Range<usize>) -> Clean<Vec<Place>> {
    let (mut places, mut start) = (Vec::new(), within.start);
    while start < within.end {
        let mut at = Reader { bytes, at: start, end: within.end };
        let size = at.number(4)?;
        let named = at.at;
        let mut name = [0; 4];
        at.skip(4)?;
        name.copy_from_slice(&bytes[named..named + 4]);
        let end = match size {
            // The last one may say that it goes on to the end.
            0 => within.end as u64,
            1 => at.number(8)?.saturating_add(start as u64),
            size => size + start as u64,
        };
        if end < at.at as u64 || end > within.end as u64 || places.len() >= MOST {
            return Err(Wrong::Beside);
        }
        places.push(Place { name, named, content: at.at..end as usize });
        start = end as usize;
    }
    Ok(places)
}

/// A range without its first bytes.
fn from(range: &Range<usize>, skipped: usize) -> Clean<Range<usize>> {
    let start = range.start + skipped;
    (start <= range.end).then_some(start..range.end).ok_or(Wrong::Beside)
}

/// A range that is counted from the beginning of another, in which it lies.
fn moved(range: &Range<usize>, within: &Range<usize>) -> Clean<Range<usize>> {
    let moved = range.start + within.start..range.end + within.start;
    (moved.end <= within.end).then_some(moved).ok_or(Wrong::Beside)
}

/// Reads numbers, the large end first.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    end: usize,
}

impl Reader<'_> {
    fn number(&mut self, size: usize) -> Clean<u64> {
        let from = self.at;
        self.skip(size)?;
        Ok(self.bytes[from..self.at].iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    fn skip(&mut self, size: usize) -> Clean<()> {
        self.at += size;
        if self.at <= self.end { Ok(()) } else { Err(Wrong::Beside) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_comes_is_clean_or_refused() {
        let odd: [&[u8]; 7] = [
            b"",
            b"\0\0\0\x08meta",
            b"\0\0\0\x10ftypheic\0\0\0\0",
            b"\0\0\0\x0cmeta\0\0\0\0",
            b"\0\0\0\x01ftyp\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\0\0\0\x04ftyp",
            b"\xff\xff\xff\xffmeta\0\0",
        ];
        for bytes in odd {
            assert_eq!(cleaned(bytes.to_vec()), Err(Wrong::Beside), "{bytes:?}");
        }
    }

    #[test]
    fn a_list_that_says_as_much_as_it_likes_in_a_few_bytes_is_refused() {
        // Items of 65,535 extents each, whose offsets and lengths take no room.
        let item = [0, 9, 0, 0, 255, 255];
        let content: Vec<u8> =
            [0, 0, 0, 0, 0, 0, 255, 255].into_iter().chain(item.repeat(65_535)).collect();
        let list = Place { name: *b"iloc", named: 0, content: 0..content.len() };
        assert_eq!(located(&content, &list, &HashSet::from([1])), Err(Wrong::Beside));
    }

    #[test]
    fn only_what_is_kept_stays() {
        let mut bytes = (1..=10).collect::<Vec<u8>>();
        keep_only(&mut bytes, 1..9, &[6..7, 2..4, 3..5]);
        assert_eq!(bytes, [1, 0, 3, 4, 5, 0, 7, 0, 0, 10]);
    }
}
