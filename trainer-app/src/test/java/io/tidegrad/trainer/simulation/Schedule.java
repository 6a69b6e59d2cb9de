package io.tidegrad.trainer.simulation;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.poll.EventsAhead;
import io.tidegrad.trainer.poll.PollPace;
import io.tidegrad.trainer.poll.StopOrder;
import io.tidegrad.trainer.publish.Publisher;
import io.tidegrad.trainer.publish.RepublishOrder;
import io.tidegrad.trainer.publish.RetentionLadder;
import io.tidegrad.trainer.publish.SnapshotSeries;
import io.tidegrad.trainer.store.ModelStoreBuilder;
import io.tidegrad.trainer.store.Report;
import io.tidegrad.trainer.store.StoreKind;
import io.tidegrad.trainer.store.StoreOracle;
import io.tidegrad.trainer.store.StoreParts;
import io.tidegrad.trainer.store.StoreSettings;
import io.tidegrad.trainer.topology.FatalEvents;
import io.tidegrad.trainer.topology.Patience;
import io.tidegrad.trainer.topology.TrainerTopology;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;

/// One seed's story: events are produced, trainers start, learn, commit, are killed at any await point, stall and come
/// back as zombies; transactions abort, markers come late. The same seed tells the same story.
final class Schedule {
    private static final int KEEP = 3;
    private static final int DELTAS = 3;
    private static final int LIVES_MAX = 6;
    private static final int STEPS_MAX = 40;
    private static final int AWAITS_MAX = 150;
    private static final int DEPTH_MAX = 2;
    private static final int STARTS_MAX = 10;

    /// As few as there can be, so that the ring of what is prepared ahead is full now and then.
    private static final int ROWS_AHEAD = 16;

    /// Each of the two instances counts its own lives: a, b, a, b, and the next one learns on.
    private static final int STARTS_PER_FATAL_EVENT = 5;

    private final SplittableRandom random;
    private final boolean keepsWarmCopies;
    private final Stores stores;
    private final SnapshotSeries.Settings series;
    private final SimulatedKafka kafka;
    private final Lineage lineage;
    private final SimulatedReader reader;
    private final Oracles oracles;
    private final Readings readings;
    private final Breakage breakage;
    private final boolean readsAhead;
    private final LongAdder ahead = new LongAdder(); // events that were prepared ahead
    private final Map<String, MemorySegment> disks = new HashMap<>(); // by instance
    private final Topics topics = new Topics("tidegrad");
    private final SimulatedClock clock = new SimulatedClock();
    private int depth;
    private int lives;
    private boolean ending;

    Schedule(long seed, Breakage breakage) {
        this(seed, breakage, null);
    }

    Schedule(long seed, Breakage breakage, @Nullable ModelSpec only) {
        this(seed, breakage, only, null);
    }

    /// @param only spec; null for one of several
    /// @param kind of every life's store; null for what the seed draws
    Schedule(long seed, Breakage breakage, @Nullable ModelSpec only, @Nullable StoreKind kind) {
        this(seed, breakage, only, kind, breakage == Breakage.NONE && seed % 3 != 0);
    }

    /// @param readsAhead whether another thread prepares events; the schedule is the same
    Schedule(long seed, Breakage breakage, @Nullable ModelSpec only, @Nullable StoreKind kind, boolean readsAhead) {
        this.readsAhead = readsAhead;
        random = new SplittableRandom(seed);
        keepsWarmCopies = seed % 2 != 0;
        stores = new Stores(random.split(), kind);
        this.breakage = breakage;
        kafka = new SimulatedKafka(random, breakage.fences());
        ModelSpec spec = only != null ? only : Readings.SPECS.get(random.nextInt(Readings.SPECS.size()));
        // Of every second odd seed: the others' schedules stay what they were.
        readings = new Readings(random, kafka, seed % 4 == 1 ? new SplittableRandom(seed) : null);
        for (int before = random.nextInt(4); before > 0; before--) {
            readings.produce();
        }
        lineage = new Lineage(spec, 1, kafka.input.partition(), new Uuid(1, 2), random.nextLong(kafka.input.end() + 1));
        reader = new SimulatedReader(kafka, clock);
        series = new SnapshotSeries.Settings(random.nextInt(2) * DELTAS, new RetentionLadder(KEEP, 0, 0),
                PublishedSnapshot.Form.PLAIN, random.nextInt(3) == 0 ? 1 : Long.MAX_VALUE);
        oracles = new Oracles(random, kafka, lineage, KEEP, series.commitBytes() == 1);
        kafka.setGroupOffset(
                new OffsetAndMetadata(lineage.startOffset(), StoreOracle.besideOffset(lineage.startOffset())));
    }

    /// @throws Violation an oracle's report
    Outcome run() {
        for (int life = random.nextInt(1, LIVES_MAX); life > 0; life--) {
            live();
        }
        end();
        return new Outcome(oracles.commits(), oracles.rebuilt(), oracles.rebuiltByRedo(), oracles.deltas(),
                oracles.setAside(), lives, oracles.nextOffset(), kafka.digest());
    }

    /// The last trainer meets no fault and learns all there is.
    private void end() {
        readings.end();
        readings.produce();
        readings.end();
        ending = true;
        for (int starts = 1; !newLife(null, null).runToTheEnd(); starts++) {
            Violation.check(starts < STARTS_MAX + STARTS_PER_FATAL_EVENT * readings.fatalEvents(), "I10",
                    "stopped at each of " + starts + " starts");
        }
        oracles.end();
    }

    /// A trainer's start, and no more.
    void start() {
        newLife(null, null).start();
    }

    /// @param rebuilt states, of which `redone` by learning again from an image
    /// @param deltas published
    /// @param setAside events that ended two lives in a row
    /// @param lives of trainer processes
    /// @param digest of all that lies on the topics
    record Outcome(int commits, int rebuilt, int redone, int deltas, int setAside, int lives, long offsets,
            long digest) {
    }

    private void live() {
        Long dieAt = random.nextInt(4) > 0 ? random.nextLong(1, AWAITS_MAX) : null;
        Long stallAt = random.nextInt(3) == 0 ? random.nextLong(1, AWAITS_MAX) : null;
        newLife(dieAt, depth < DEPTH_MAX ? stallAt : null).run(random.nextInt(1, STEPS_MAX), true);
    }

    private TrainerLife newLife(@Nullable Long dieAt, @Nullable Long stallAt) {
        lives++;
        String instance = random.nextInt(3) == 0 ? "b" : "a";
        return new TrainerLife(this, instance, dieAt, stallAt);
    }

    boolean isDeep() {
        return depth >= DEPTH_MAX;
    }

    /// Whether a trainer that learning moves away from stands by. In schedules of odd seeds: those of the even ones
    /// stay what they were before there were standbys.
    boolean keepsWarmCopies() {
        return keepsWarmCopies;
    }

    /// While one stalls, another takes its place.
    void replace() {
        depth++;
        live();
        depth--;
    }

    void passTime() {
        clock.pass(Duration.ofMillis(random.nextLong(400)));
        if (random.nextInt(50) == 0) {
            clock.pass(Duration.ofHours(1)); // the machine slept
        }
    }

    void produce() {
        for (int count = random.nextInt(1, 5); count > 0; count--) {
            readings.produce();
        }
    }

    boolean isEnding() {
        return ending;
    }

    SplittableRandom random() {
        return random;
    }

    SimulatedKafka kafka() {
        return kafka;
    }

    Oracles oracles() {
        return oracles;
    }

    Lineage lineage() {
        return lineage;
    }

    ReadCommitted reader() {
        return reader;
    }

    Breakage breakage() {
        return breakage;
    }

    /// How the next life keeps its model.
    StoreSettings storeSettings() {
        return stores.next(Plan.of(lineage.spec().network()).parameterBytes());
    }

    SimulatedClock clock() {
        return clock;
    }

    /// What the next life of this instance remembers of the ones before.
    FatalEvents fatalEvents(String instance) {
        MemorySegment disk =
                breakage.remembersWhatEndedIt() ? disks.computeIfAbsent(instance, named -> emptyDisk()) : emptyDisk();
        return new FatalEvents(lineage.model(), lineage.logTopicId(), disk);
    }

    private static MemorySegment emptyDisk() {
        return MemorySegment.ofArray(new long[FatalEvents.BYTES / Long.BYTES]);
    }

    /// What prepares the next life's events; null if nothing does.
    @Nullable
    EventsAhead ahead(FatalEvents fatalEvents) {
        if (!readsAhead) {
            return null;
        }
        EventsAhead.Care care = fatalEvents.ahead();
        return new EventsAhead("m", Readings.preparationAhead(lineage.spec()), ROWS_AHEAD, new EventsAhead.Care() {
            @Override
            public boolean begins(long offset) {
                return care.begins(offset);
            }

            @Override
            public void ends() {
                care.ends();
                ahead.increment();
            }
        });
    }

    /// Returns how many events another thread has prepared so far.
    long preparedAhead() {
        return ahead.sum();
    }

    StoreParts storeParts() {
        return breakage.storeParts();
    }

    private static byte[] progress(Report report) {
        var unused = Objects.requireNonNull(report.inspection(), "progress without an inspection");
        return report.stateHash().getBytes(StandardCharsets.US_ASCII);
    }

    /// @param publishesAll as when a trainer is asked to stop
    TrainerTopology.Parts parts(BooleanSupplier publishesAll, FatalEvents fatalEvents, @Nullable EventsAhead ahead) {
        Publisher.Settings publishing = new Publisher.Settings(lineage.spec().publish().every(), series,
                (store, report) -> progress(report), offset -> offset == kafka.input.lastStable(), publishesAll,
                new RepublishOrder(), lineage.spec().publish().gate(), version -> null);
        return new TrainerTopology.Parts(lineage, topics, new ModelStoreBuilder(() -> {
            throw new IllegalStateException("the simulated task makes its store");
        }, Map.of()), model -> breakage.fold(lineage.spec(), model),
                published -> new Publisher(lineage, publishing, published, clock), 1 << 20,
                new Patience(Duration.ofSeconds(5), clock), fatalEvents, new StopOrder(), new PollPace(),
                offset -> kafka.input.lastStable() - offset, ahead, 1, CompletableFuture.completedFuture(null));
    }
}
