#!/bin/sh
# Verifies the evidence file that it lies in, with openssl, sha256sum and python3's standard library alone.
#
#   sh verify.sh [--expect FINGERPRINTS] [--log-key VKEY] [--administrator FINGERPRINT] [--witness VKEY]... [FOLDER]
#
# --expect    the fingerprints of all keys that may have signed, SHA256:..., with commas or blanks between them, as
#             their owners told them by another way, the first administrator's too; any other key is a fault. May be
#             given more than once.
# --log-key   the log's verifier key as you know it (an older one will do, if it handed over to the newest).
#             Without it, that nothing was left out rests on the file's own word.
# --administrator   the fingerprint of the first administrator's key as you know it; another one is a fault.
# --witness   a witness's verifier key as you know it; then only these are counted, and each must have cosigned all.
# FOLDER      another unpacked evidence file, for whoever trusts this copy of verify.sh more than the one in there.
#
# Exit codes: 0  everything holds; with --expect also: signed by nobody but the keys that you expect. What is left to ask
#                stands in the last line; nothing is with --expect, --log-key and --administrator.
#             1  something does not hold, or a key is not expected; each is told in a line NOT VERIFIED
#             2  wrong options    3  a tool is missing
#
# It runs nothing of the folder but itself, and writes nothing into it.
set -u
LC_ALL=C
export LC_ALL
unset CDPATH ENV BASH_ENV

usage() {
  echo "usage: sh verify.sh [--expect FINGERPRINTS] [--log-key VKEY] [--administrator FINGERPRINT] [--witness VKEY]... [FOLDER]"
}

# A PATH that names the current folder would find an `openssl` that somebody put into it.
clean=
rest=$PATH:
while [ -n "$rest" ]; do
  one=${rest%%:*}
  rest=${rest#*:}
  case $one in /*) clean=${clean:+$clean:}$one ;; esac
done
[ -n "$clean" ] || { echo "verify.sh: the PATH names no folder" >&2; exit 3; }
PATH=$clean
export PATH

for tool in openssl sha256sum python3 mktemp dirname rm; do
  command -v "$tool" >/dev/null || { echo "verify.sh: \`$tool\` is missing" >&2; exit 3; }
done

folder=
options=
newline='
'
while [ $# -gt 0 ]; do
  case $1 in
    --expect | --log-key | --administrator | --witness)
      [ $# -gt 1 ] && [ -n "$2" ] || { usage >&2; exit 2; }
      options=$options$1$newline$(printf %s "$2" | tr '\n' ' ')$newline
      shift 2
      ;;
    -h | --help) usage; exit 0 ;;
    -*) usage >&2; exit 2 ;;
    *)
      [ -z "$folder" ] || { usage >&2; exit 2; }
      folder=$1
      shift
      ;;
  esac
done
folder=${folder:-$(dirname -- "$0")}
cd -- "$folder" 2>/dev/null || { echo "verify.sh: there is no such folder" >&2; exit 2; }
folder=$(pwd -P)
[ -f SHA256SUMS ] || { echo "verify.sh: no evidence file is unpacked in this folder" >&2; exit 2; }

scratch=$(mktemp -d) || exit 3
trap 'rm -rf -- "$scratch"' EXIT
trap 'exit 130' HUP INT TERM
cat >"$scratch/verify.py" <<'PYTHON'
@PROGRAM@
PYTHON

# -I: no module of the folder, nor of the environment, is imported
program() {
  python3 -I -B "$scratch/verify.py" "$@" </dev/null
}

# Which files are there. After this step names are known to be harmless, and digests to be of files in this folder.
program look "$folder" "$scratch" || exit $?

# That no file was changed:  sha256sum -c SHA256SUMS
sha256sum -c "$scratch/list" >"$scratch/same" 2>/dev/null </dev/null

# That each signature is its key's:
while read -r n kind; do
  case $kind in
    p256) openssl dgst -sha256 -verify "statements/$n.pem" -signature "statements/$n.sig" "statements/$n.signed" ;;
    *) openssl pkeyutl -verify -pubin -inkey "statements/$n.pem" -rawin -in "statements/$n.signed" -sigfile "statements/$n.sig" ;;
  esac >/dev/null 2>&1 </dev/null && echo "$n" >>"$scratch/verified"
done <"$scratch/keys"

# What the statements say, whether they hang together, and the proofs of the log.
set -f
IFS=$newline
# shellcheck disable=SC2086  # a word for each line, none of which is taken for a pattern
program weigh "$folder" "$scratch" $options
exit $?
