#!/usr/bin/env bash
# A real Slurm of one node for the tests: munged, slurmctld and slurmd on the loopback device, as root,
# without systemd, cgroups or a database. Two GPUs that are /dev/null by another name.
#   lab.sh install | up | down | nuke | controller-stop | controller-start | status
# All state is under $SLURM_LAB; only daemons that were started here are stopped.
set -euo pipefail

LAB=${SLURM_LAB:-/tmp/umklapp-slurm}
CPUS=${SLURM_LAB_CPUS:-4} # more than there are is fine: jobs of the tests mostly sleep
MEMORY=${SLURM_LAB_MEMORY:-12000}
GPUS=2
PORT=${SLURM_LAB_PORT:-16817} # slurmd takes the next one
HOST=$(hostname -s)
FILES=(slurm.conf gres.conf cgroup.conf)
export SLURM_CONF=$LAB/etc/slurm.conf

say() { echo "slurm lab: $*" >&2; }

alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

await() { # seconds, then a command that must succeed within them
    local end=$((SECONDS + $1))
    shift
    until timeout 5 "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { say "gave up waiting for: $*"; return 1; }
        sleep 0.1
    done
}

stop() {
    alive "$1" || return 0
    kill "$(cat "$1")"
    for _ in $(seq 100); do alive "$1" || return 0; sleep 0.1; done
    kill -9 "$(cat "$1")"
}

installed() { command -v slurmctld && command -v slurmd && command -v sbatch && command -v munged; } >/dev/null

install_packages() {
    installed && return 0
    [ "$(id -u)" = 0 ] || { say "Slurm is not installed, and only root can install it"; return 1; }
    command -v apt-get >/dev/null || { say "Slurm is not installed, and there is no apt-get"; return 1; }
    apt-get update -qq
    # /usr/sbin/policy-rc.d is asked before a package starts its daemons: ours are started below
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends slurm-wlm munge
}

configure() {
    install -d -m 755 "$LAB" "$LAB"/{etc,log,run,state,spool,dev}
    if [ ! -s "$LAB/etc/munge.key" ]; then
        head -c 1024 /dev/urandom >"$LAB/etc/munge.key"
        chmod 400 "$LAB/etc/munge.key"
    fi
    for number in $(seq 0 $((GPUS - 1))); do
        [ -e "$LAB/dev/gpu$number" ] || mknod -m 666 "$LAB/dev/gpu$number" c 1 3
    done
    cat >"$LAB/etc/slurm.conf" <<CONF
ClusterName=lab
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=$PORT
SlurmdPort=$((PORT + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$LAB/run/munge.socket
StateSaveLocation=$LAB/state
SlurmdSpoolDir=$LAB/spool
SlurmctldPidFile=$LAB/run/slurmctld.pid
SlurmdPidFile=$LAB/run/slurmd.pid
SlurmctldLogFile=$LAB/log/slurmctld.log
SlurmdLogFile=$LAB/log/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=bf_interval=2,sched_interval=2,sched_min_interval=0
PriorityType=priority/basic
ReturnToService=2
MinJobAge=600
KillWait=2
OverTimeLimit=0
SlurmctldTimeout=30
SlurmdTimeout=60
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PropagateResourceLimits=NONE
NodeName=$HOST NodeAddr=127.0.0.1 CPUs=$CPUS Boards=1 SocketsPerBoard=1 CoresPerSocket=$CPUS ThreadsPerCore=1 RealMemory=$MEMORY Gres=gpu:fake:$GPUS State=UNKNOWN
PartitionName=cpu Nodes=$HOST Default=YES MaxTime=02:00:00 State=UP PreemptMode=OFF
PartitionName=gpu Nodes=$HOST Default=NO MaxTime=02:00:00 State=UP PreemptMode=OFF
PartitionName=spot Nodes=$HOST Default=NO MaxTime=02:00:00 State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes=$HOST Default=NO MaxTime=02:00:00 State=UP PriorityTier=9 PreemptMode=OFF
CONF
    echo "NodeName=$HOST Name=gpu Type=fake File=$LAB/dev/gpu[0-$((GPUS - 1))]" >"$LAB/etc/gres.conf"
    echo "CgroupPlugin=cgroup/v1" >"$LAB/etc/cgroup.conf" # read, but nothing of it is used
    # jobs of the jobstep executor forget SLURM_CONF, so the usual place must lead here, too
    install -d /etc/slurm
    for file in "${FILES[@]}"; do
        if [ -e "/etc/slurm/$file" ] && [ ! -L "/etc/slurm/$file" ]; then
            say "/etc/slurm/$file belongs to a Slurm of this machine: nothing is touched"
            return 1
        fi
        ln -sfn "$LAB/etc/$file" "/etc/slurm/$file"
    done
}

controller_start() { alive "$LAB/run/slurmctld.pid" || slurmctld "$@"; await 20 scontrol ping; }

up() {
    configure
    alive "$LAB/run/munged.pid" || munged --key-file="$LAB/etc/munge.key" \
        --socket="$LAB/run/munge.socket" --pid-file="$LAB/run/munged.pid" \
        --log-file="$LAB/log/munged.log" --seed-file="$LAB/run/munged.seed" --num-threads=2
    await 10 munge -S "$LAB/run/munge.socket" -n
    controller_start -c # -c: without what an earlier lab left
    alive "$LAB/run/slurmd.pid" || slurmd -N "$HOST"
    await 30 bash -c 'sinfo -h -o %T | grep -qE "idle|mixed|allocated"'
    timeout 30 srun -p gpu --gpus=1 -n1 true
}

down() {
    timeout 10 scancel -u "$(id -un)" 2>/dev/null || true
    sleep 1
    for daemon in slurmd slurmctld munged; do stop "$LAB/run/$daemon.pid"; done
}

case ${1:-} in
    install) install_packages ;;
    up) up ;;
    down) down ;;
    nuke)
        down
        for file in "${FILES[@]}"; do
            [ "$(readlink "/etc/slurm/$file")" = "$LAB/etc/$file" ] && rm -f "/etc/slurm/$file"
        done
        rm -rf "$LAB"
        ;;
    controller-stop) stop "$LAB/run/slurmctld.pid" ;;
    controller-start) controller_start ;;
    status) sinfo -o '%P %a %l %D %T %C %m %G' && squeue ;;
    *) sed -n 2,5p "$0" && exit 2 ;;
esac
