package io.tidegrad.loadtests.chaos;

import java.util.Arrays;
import java.util.List;

/// What a chaos run does to the system: rows of the fault matrix of docs/reliability.md.
public enum Fault {
    TRAINER_KILLED(1, "trainer killed", TrainerFaults::killed),
    KILLED_WHILE_RESTORING(2, "trainer killed while it restores", TrainerFaults::killedWhileRestoring),
    KILLED_BEFORE_THE_MARKER(3, "trainer killed before its commit's end", TrainerFaults::killedBeforeTheCommitMarker),
    ZOMBIE(4, "trainer stalled and replaced", TrainerFaults::replacedWhileStandingStill),
    EXCEPTION(7, "exception in the code of an event", TrainerFaults::exceptionInTheCode),
    TASK_CORRUPTED(8, "task taken for corrupted", TrainerFaults::taskTakenForCorrupted),
    REBALANCES(9, "trainers come and go", TrainerFaults::rebalances),
    STANDBY_PROMOTED(10, "standby promoted, and back", TrainerFaults::standbyPromoted),
    OTHER_SPEC(12, "second trainer with another spec", TrainerFaults::otherSpec),
    BROKER_KILLED(13, "the only broker killed", BrokerFaults::killed, Where.ONE_NODE),
    ONE_OF_THREE_KILLED(14, "one broker of three killed", BrokerFaults::oneOfThreeKilled, Where.THREE_NODES),
    BROKERS_GONE(15, "all brokers gone for 10-20 s", BrokerFaults::allStopped),
    BROKER_STALLED(16, "broker silent for 8-12 s", BrokerFaults::stalled),
    HANGING_TRANSACTION(20, "transaction never ended", BrokerFaults::hangingTransaction),
    PARTITIONED(21, "network cut or one-way, 5-15 s", NetworkFaults::partitioned),
    SLOW_NETWORK(22, "200 ms, 1 Mbit/s or 5-30 % lost", NetworkFaults::slow),
    CUT_IN_SNAPSHOTS(23, "connection cut in a snapshot", NetworkFaults::cutInSnapshots),
    REGISTRY_UNWELL(24, "registry gone, silent or 500", NetworkFaults::registryUnwell),
    STATE_DIRECTORY_DELETED(26, "state directory deleted", TrainerFaults::stateDirectoryDeleted),
    STATE_DIRECTORY_FULL(26, "state directory full or read-only", TrainerFaults::stateDirectoryFull, Where.OWN_MOUNTS),
    STATE_DIRECTORY_DAMAGED(27, "state directory damaged", TrainerFaults::stateDirectoryDamaged),
    PAGE_DAMAGED(29, "page damaged in the changelog", EndingFaults::pageDamaged, Where.OWN_MODEL),
    CHANGELOG_LOST(30, "changelog deleted or emptied", EndingFaults::changelogLost, Where.OWN_MODEL),
    LARGE_MODEL(33, "snapshots of 10 MB, killed", EndingFaults::largeModel, Where.OWN_MODEL),
    LIMIT_LOWERED(34, "max.message.bytes lowered", BrokerFaults::limitLowered),
    ABORTED_SNAPSHOT(35, "aborted snapshot", DataFaults::abortedSnapshot),
    BAD_SNAPSHOTS(36, "ten kinds of forged snapshots", DataFaults::badSnapshots),
    POISON(40, "20,000 malformed events", DataFaults::poison),
    EXTREMES(41, "NaN, infinities, edges of time", DataFaults::extremes),
    LARGE_EVENTS(42, "events, keys, headers of 900 KB", DataFaults::large),
    DISORDER(43, "duplicate, late, out of order", DataFaults::disorder),
    CLOCK_SET(45, "clock set -30 min, +59 min, and back", TrainerFaults::clockSet, Where.OWN_CLOCK),
    SECOND_PARTITION(46, "log gets a second partition", EndingFaults::secondPartition, Where.OWN_MODEL),
    LOG_CREATED_AGAIN(47, "log deleted, created again", EndingFaults::logCreatedAgain, Where.OWN_MODEL),
    RETENTION_OVERTAKES(48, "retention overtakes a stop", EndingFaults::retentionOvertakes, Where.OWN_MODEL),
    SPEC_CHANGED(49, "spec changed under a model", EndingFaults::specChanged, Where.OWN_MODEL),
    JOINER_KILLED(50, "joiner killed, also while it restores", JoinerFaults::killed, Where.OWN_MODEL),
    JOINER_ZOMBIE(51, "joiner stalled and replaced", JoinerFaults::replacedWhileStandingStill, Where.OWN_MODEL),
    JOINER_FAILED_OVER(52, "joiner's tasks taken over, and back", JoinerFaults::failedOver, Where.OWN_MODEL),
    JOINER_BROKER_KILLED(53, "broker killed under a joiner", JoinerFaults::brokerKilled, Where.OWN_MODEL),
    JOINER_STATE_DELETED(54, "joiner's state directory deleted", JoinerFaults::stateDirectoryDeleted, Where.OWN_MODEL);

    /// Where a fault can be tried.
    enum Where {
        ANYWHERE, ONE_NODE, THREE_NODES,
        /// Where a process may mount something for itself.
        OWN_MOUNTS,
        /// Where a process may have a wall clock of its own.
        OWN_CLOCK,
        /// On a model of its own, because it ends the model's life or needs another kind of model.
        OWN_MODEL;

        boolean fits(int nodes) {
            return switch (this) {
                case ANYWHERE, OWN_MODEL -> true;
                case ONE_NODE -> nodes == 1;
                case THREE_NODES -> nodes == 3;
                case OWN_MOUNTS -> SmallDisk.isAvailable();
                case OWN_CLOCK -> SteppedClock.isAvailable();
            };
        }
    }

    interface Injection {
        /// Makes the fault happen, heals it, and waits until everything that can go on has gone on.
        void to(Episode episode) throws InterruptedException;
    }

    private final int row;
    private final String what;
    private final Injection injection;
    private final Where where;

    Fault(int row, String what, Injection injection) {
        this(row, what, injection, Where.ANYWHERE);
    }

    Fault(int row, String what, Injection injection, Where where) {
        this.row = row;
        this.what = what;
        this.injection = injection;
        this.where = where;
    }

    public int row() {
        return row;
    }

    public String what() {
        return what;
    }

    Injection injection() {
        return injection;
    }

    Where where() {
        return where;
    }

    /// The faults of a row; empty if there is none.
    public static List<Fault> ofRow(int row) {
        return Arrays.stream(values()).filter(fault -> fault.row == row).toList();
    }
}
