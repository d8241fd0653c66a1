#!/bin/bash
# A sweep as an array of Slurm: one task a point, and what they find in a shared folder.
#
#   deno task sweep 06 --over seed=0,1,2,3 --set scale=full --list    the points
#   sbatch --test-only lib/tasks/cluster/slurm.sh
#   sbatch lib/tasks/cluster/slurm.sh
#
# Submit it from the root of the repository, on a file system that all nodes share. Then:
# deno task report --sweep reports/sweeps. To change the sweep, change SWEEP, and the array to the
# number of points. Points that are done are not repeated when it is submitted again.
#
#SBATCH --job-name=cutloss-sweep
#SBATCH --array=0-3
#SBATCH --cpus-per-task=4
#SBATCH --mem=32G
#SBATCH --gres=gpu:1
#SBATCH --time=01:00:00
#SBATCH --output=cutloss-sweep-%A-%a.log
set -euo pipefail

SWEEP=${SWEEP:-"06 --over seed=0,1,2,3 --set scale=full --out reports/sweeps"}

cd "${SLURM_SUBMIT_DIR:-.}"
# shellcheck disable=SC2086 # SWEEP is several arguments
deno run --allow-all lib/tasks/sweep.ts $SWEEP --point "${SLURM_ARRAY_TASK_ID:?is set by sbatch}"
