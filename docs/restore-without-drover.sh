#!/usr/bin/env bash
# Restores one backup of a Longhorn backupstore without Drover and without Longhorn.
# Keep a copy of this file away from the cluster. `--help` says how to use it.
set -euo pipefail
export LC_ALL=C # bytes are characters: the first bytes of a block are compared below

usage() {
  cat <<'HELP'
usage: restore-without-drover.sh FOLDER VOLUME BACKUP OUTPUT

  FOLDER   what holds `backupstore/`: a mounted share, or a copy made with one of
             aws s3 sync s3://BUCKET/PATH/ FOLDER
             mc mirror ALIAS/BUCKET/PATH/ FOLDER
           The folder backupstore/volumes/??/??/VOLUME/ of it is enough.
  VOLUME   the name of the volume as Longhorn and Drover show it
  BACKUP   the name of the backup: backups/backup_BACKUP.cfg in the volume's folder
  OUTPUT   a new file (raw image, sparse), or a block device, all of which is
           overwritten up to the volume's size

A name that is not there is answered with the names that are. The image is the whole
volume: most hold a filesystem, `mount -o loop,ro OUTPUT /mnt` shows it.

Every block is checked against its checksum before it is written. A new file bears the
name OUTPUT.partial until all of it is there. Needs bash, jq (1.6 or later), lz4, gzip
and GNU coreutils.

exit status: 0 restored; 1 damaged or refused, with the reason; 2 wrong usage or a tool is missing
HELP
}

fail() { printf 'not restored: %s\n' "$*" >&2; exit 1; }
wrong_usage() { printf '%s\n' "$*" >&2; usage >&2; exit 2; }
note() { printf '%s\n' "$*" >&2; }

case ${1-} in -h | --help) usage; exit 0 ;; esac
[ $# -eq 4 ] || wrong_usage "four arguments are needed, not $#"
readonly folder=$1 volume=$2 backup=$3 output=$4
for tool in jq lz4 gzip sha512sum dd truncate head wc tail stat mktemp mv rm sync; do
  command -v "$tool" >/dev/null || { note "$tool is not installed"; exit 2; }
done

# What is there, for whoever does not know the name any more.
names_in() { # PREFIX SUFFIX PATH...
  local prefix=$1 suffix=$2 path
  shift 2
  for path; do
    path=${path##*/}
    path=${path#"$prefix"}
    printf '  %s\n' "${path%"$suffix"}"
  done
}

# Longhorn's rule for names; it lets no path through.
readonly name_rule='^[a-zA-Z0-9][a-zA-Z0-9_.-]+$'
[[ $volume =~ $name_rule ]] || fail "'$volume' cannot be the name of a volume"
[[ $backup =~ $name_rule ]] || fail "'$backup' cannot be the name of a backup"

[ -d "$folder/backupstore/volumes" ] || fail "no folder backupstore/volumes in $folder"
sum=$(printf %s "$volume" | sha512sum)
readonly home=$folder/backupstore/volumes/${sum:0:2}/${sum:2:2}/$volume
[ -d "$home" ] || fail "no volume '$volume' in $folder; there are:"$'\n'"$(names_in '' '' "$folder"/backupstore/volumes/??/??/*)"
[ -f "$home/volume.cfg" ] || fail "$home/volume.cfg is missing, which says how large the volume is"
readonly cfg=$home/backups/backup_$backup.cfg
[ -f "$cfg" ] || fail "no backup '$backup' of '$volume'; there are:"$'\n'"$(names_in backup_ .cfg "$home"/backups/backup_*.cfg)"

scratch=$(mktemp -d)
partial=
# shellcheck disable=SC2329 # the trap calls it
clean_up() { rm -rf "$scratch" ${partial:+"$partial"}; }
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# The plan, as lines: first "SIZE BLOCKSIZE METHOD ENCRYPTED COUNT"; then "CHECKSUM INDEX..." for each block that differs from
# the others, and "zero FIRST COUNT" for each range without a block. What older releases did not write yet counts as its default.
# shellcheck disable=SC2016 # $volume is jq's
readonly plan_program='
  def refuse: "\(.)\n" | halt_error(1);
  def quoted_number($what): if type == "string" and test("\\A[0-9]{1,15}\\z") then tonumber else "\($what) is \(tojson), not a whole number in quotes" | refuse end;
  def index_in($size; $block_size):
    if type != "number" or . < 0 or . != floor or . % $block_size != 0 then "the offset \(tojson) is not a multiple of the block size" | refuse
    elif . + $block_size > $size then "a block at \(.) lies beyond the end of the volume at \($size)" | refuse
    else . / $block_size end;
  def checksum: if type == "string" and test("\\A[0-9a-f]{64}\\z") then . else "\(tojson) is not the checksum of a block" | refuse end;
  def gaps($total): foreach (.[], $total) as $i ({next: 0}; {first: .next, length: ($i - .next), next: ($i + 1)}; select(.length > 0) | "zero \(.first) \(.length)");

  first(inputs) # as Longhorn, which leaves what may follow unread
  | ($volume[0].Size | quoted_number("the size in volume.cfg")) as $size
  | ($volume[0].BackingImageName // "\"\"" | if . == "" then "" else fromjson end) as $image
  | if $image != "" then "the volume stands on the backing image \($image | tojson), which is not in its backups" | refuse else . end
  | if (.CreatedTime // "") == "" then "the backup is in progress, or what is left of one that failed" | refuse else . end
  | if (.SingleFile.FilePath // "") != "" then "the backup is a single file, not blocks" | refuse else . end
  | (.CompressionMethod // "" | if . == "" then "gzip" else . end) as $method
  | if $method | IN("gzip", "lz4", "none") | not then "unknown compression method \($method | tojson)" | refuse else . end
  | (.Parameters["backup-block-size"]? // "" | if . == "" then 0 else quoted_number("the block size") end | if . == 0 then 2097152 else . end) as $block_size
  | if $block_size | IN(2097152, 16777216) | not then "the block size is \($block_size), neither 2 MiB nor 16 MiB" | refuse else . end
  | if $size == 0 or $size % $block_size != 0 then "the volume size \($size) is not a multiple of the block size \($block_size)" | refuse else . end
  | ((.Blocks // []) | map([(.Offset | index_in($size; $block_size)), (.BlockChecksum | checksum)]) | unique) as $blocks
  | ($blocks | map(.[0])) as $indexes
  | if ($indexes | unique | length) != ($indexes | length) then "two different blocks have the same offset" | refuse else . end
  | "\($size) \($block_size) \($method) \(.Labels["volume-encrypted"]? == "enabled") \($blocks | length)",
    ($blocks | group_by(.[1])[] | "\(.[0][1]) \(map(.[0] | tostring) | join(" "))"),
    ($indexes | gaps($size / $block_size))
'
jq -nr --slurpfile volume "$home/volume.cfg" "$plan_program" "$cfg" >"$scratch/plan" ||
  fail "$cfg and $home/volume.cfg do not describe a backup that can be restored"
read -r size block_size method encrypted count <"$scratch/plan" || fail "$cfg is empty"
readonly size block_size method count
[ "$encrypted" = false ] || note "note: the volume is encrypted; what is restored is LUKS, to be opened with its passphrase"

# A device keeps what was there where no block is named, so that it must be zeroed; a new file is zeros, and stays sparse.
if [ -b "$output" ]; then
  target=$output sparse=
  while read -r device _; do
    [ ! "$device" -ef "$output" ] || fail "$output is mounted"
  done </proc/mounts
  last=$(dd if="$output" bs=512 skip=$((size / 512 - 1)) count=1 2>/dev/null | wc -c) || true
  [ "$last" -eq 512 ] || fail "$output is smaller than the volume, $size bytes"
else
  if [ -e "$output" ] || [ -L "$output" ]; then fail "$output exists already"; fi
  target=$output.partial sparse=,sparse
  (set -o noclobber && : >"$target") || fail "cannot make $target: remove it if an earlier attempt left it"
  partial=$target
  truncate -s "$size" "$target"
fi

# Unpacks at most one byte more than a block into $scratch/block; says whether it is the block of that name.
unpack() { # HOW FILE CHECKSUM
  local sum
  clean=yes
  case $1 in
    gzip) gzip -dcq <"$2" 2>/dev/null | head -c $((block_size + 1)) >"$scratch/block" || clean=no ;;
    lz4) lz4 -dcq <"$2" 2>/dev/null | head -c $((block_size + 1)) >"$scratch/block" || clean=no ;;
    none) head -c $((block_size + 1)) "$2" >"$scratch/block" || clean=no ;;
  esac
  [ "$(stat -c %s "$scratch/block")" -eq "$block_size" ] || return 1
  sum=$(sha512sum <"$scratch/block")
  [ "${sum:0:64}" = "$3" ]
}

# How a block is stored is read from its first bytes: volumes with both gzip and lz4 exist (longhorn issue 7687), and a raw block
# may begin like either. Sets `stored`. What is found so is right, since its checksum is; Longhorn itself would refuse some of it.
decode() { # FILE CHECKSUM
  local magic=
  IFS= read -r -d '' -n 4 magic <"$1" || true
  case $magic in
    $'\x1f\x8b'*) stored=gzip ;;
    $'\x04\x22\x4d\x18' | $'\x02\x21\x4c\x18') stored=lz4 ;;
    *) stored=none ;;
  esac
  unpack "$stored" "$1" "$2" && return 0
  [ "$stored" != none ] && stored=none && unpack none "$1" "$2"
}

done_blocks=0 next_progress=50 odd=0
while read -r checksum indexes; do
  if [ "$checksum" = zero ]; then
    [ -n "$partial" ] && continue
    dd if=/dev/zero of="$target" bs="$block_size" seek="${indexes% *}" count="${indexes#* }" conv=notrunc status=none
    continue
  fi
  file=$home/blocks/${checksum:0:2}/${checksum:2:2}/$checksum.blk
  [ -f "$file" ] || fail "the block $checksum is missing: no file $file"
  decode "$file" "$checksum" || fail "the block $checksum is damaged: $file does not unpack to $block_size bytes with that checksum"
  if [ "$clean" = no ] || { [ "$stored" != "$method" ] && [[ $stored$method == *none* ]]; }; then odd=$((odd + 1)); fi
  for index in $indexes; do
    dd if="$scratch/block" of="$target" bs="$block_size" seek="$index" conv=notrunc"$sparse" status=none
    done_blocks=$((done_blocks + 1))
  done
  if [ "$done_blocks" -ge "$next_progress" ]; then
    note "$done_blocks of $count blocks"
    next_progress=$((done_blocks + 50))
  fi
done < <(tail -n +2 "$scratch/plan")

[ "$done_blocks" -eq "$count" ] || fail "only $done_blocks of $count blocks were written"
sync "$target"
if [ -n "$partial" ]; then
  mv -nT "$partial" "$output"
  [ ! -e "$partial" ] || fail "$output was made by somebody else meanwhile"
  partial=
fi
[ "$odd" -eq 0 ] || note "note: $odd blocks are right, but stored in a way that Longhorn itself does not restore"
echo "OK: $count blocks checked and restored to $output, $size bytes"
