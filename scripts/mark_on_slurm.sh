#!/bin/bash
# Mark a class on a cluster with Slurm: an array job, each of whose tasks marks a part.
#
#     sbatch --array=1-10 scripts/mark_on_slurm.sh submissions.zip marks
#     nnlab merge-marks marks/part-*.json --out marks.csv      # when all are done
#
# What follows `marks` goes to `nnlab grade`, such as --lesson. A task that is stopped and requeued
# goes on where it was; so does the same call, made again. Slurm calls a task FAILED, too, if
# something that was handed in could not be marked: part-3.log says what, and the table has a row.
# Both paths must be seen by every node, and bubblewrap be installed there.
#
#SBATCH --job-name=nnlab-marks
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --cpus-per-task=1

set -eu
umask 077 # marks are nobody else's business
if [ $# -lt 2 ] || [ "${SLURM_ARRAY_TASK_MIN:-}" != 1 ] ||
    [ "$SLURM_ARRAY_TASK_COUNT" != "$SLURM_ARRAY_TASK_MAX" ]; then
    echo "call it as: sbatch --array=1-N scripts/mark_on_slurm.sh SUBMISSIONS FOLDER," \
        "with all parts, from 1 to N; what is marked already is kept" >&2
    exit 2
fi
submissions=$1 folder=$2 part=$SLURM_ARRAY_TASK_ID
shift 2
mkdir -p "$folder"
exec >>"$folder/part-$part.log" 2>&1

# All parts need the same seed, which students can't know: whoever is first draws it.
drawn=$(mktemp "$folder/seed.XXXXXX")
od -A n -N 3 -t u4 /dev/urandom >"$drawn"
ln "$drawn" "$folder/seed" 2>/dev/null || true
rm "$drawn"

exec nnlab grade "$submissions" --out "$folder/part-$part.csv" --shard "$part/$SLURM_ARRAY_TASK_MAX" \
    --seed "$(tr -d ' ' <"$folder/seed")" --workers "${SLURM_CPUS_PER_TASK:-1}" "$@"
