package io.tidegrad.proof;

/// All faults that tests inject on purpose. Each is a mistake that somebody could make and that the oracle of its
/// invariant must report. They are for tests only; the product does not refer to them.
///
/// To add one, add a constant here, its effect (in `BreakableParts` for the trainer's store and its first state,
/// `BrokenSimulation` for what a simulated trainer sends and learns, `BreakableScorer`, `BrokenClients`, or in the test
/// itself if the oracle takes what it judges as an argument), and a test marked `@ProvesOracle`.
public enum Breaker {
    NONE(null, "nothing"),

    LOGS_IN_COMMIT(Invariant.I1,
            "pages and manifest are logged in StateStore.commit, as its name suggests; guards off"),
    FLUSHES_NOTHING(Invariant.I1, "flushCache does nothing; guards off"),
    WRITES_LIVE_PAGES(Invariant.I1, "an image's pages are written as they are by then, not as they were when it began"),
    COMPLETES_AN_IMAGE_EARLY(Invariant.I1, "an image counts as whole with its last pages unwritten"),
    LEARNS_ONE_LESS_AGAIN(Invariant.I1, "one event is left out when the log is learned again from an image"),
    FLIPS_A_WEIGHT_BIT(Invariant.I1, "after update 300 the lowest bit of a weight turns over; guards on"),
    FLUSHES_NOTHING_GUARDED(Invariant.I2, "flushCache does nothing; guards on"),
    PUTS_NO_WATERMARK_GUARDED(Invariant.I2, "no watermark beside the offset; guards on"),
    CHECKS_NO_WATERMARK(Invariant.I2,
            "restored state is taken whatever the group's offset says, and so is the first record"),
    REPORTS_CORRUPTION_ONCE(Invariant.I2, "a TaskCorruptedException comes out of the store at event 20,000; guards on"),
    LOOKS_AT_NO_OFFSET_BEFORE_THE_FIRST_RECORD(Invariant.I2,
            "a revived task commits the consumer's offset, behind what it skipped"),
    COUNTS_TICKS_AS_EVENTS(Invariant.I3, "a tick is counted as an accepted event"),
    HASHES_NO_TICKS(Invariant.I3, "the hash of the log leaves out ticks"),
    LEARNS_BEFORE_IT_REFUSES(Invariant.I4, "an event that is refused has ended the open mini-batch before"),
    CHECKS_NOTHING_FOR_FINITENESS(Invariant.I5, "pages are logged whatever they hold"),
    DROPS_DEAD_LETTERS(Invariant.I6, "every second dead letter is not sent"),
    SENDS_DEAD_LETTERS_TWICE(Invariant.I6, "dead letters are sent twice"),
    ASKS_ABOUT_EVERY_EVENT(Invariant.I7, "the registry is asked again for each event about an id it does not know"),
    KEEPS_EVERY_VERSION(Invariant.I8, "the weights after each event stay in memory"),
    DECODES_WITHOUT_A_BUDGET(Invariant.I8, "events are decoded as Avro does it, whatever they become in memory"),
    FORGETS_WHO_IT_IS(Invariant.I9, "a trainer that is started again has another identity than the one killed"),
    STOPS_FOR_GOOD(Invariant.I10, "a stop that a restart would heal ends with a code that nobody restarts"),
    FORGETS_WHAT_ENDED_IT(Invariant.I10, "a trainer that starts does not know which event ended its last life"),
    PUBLISHES_OUTSIDE_THE_TRANSACTION(Invariant.I11, "snapshots are sent by a producer without transactions"),
    PUBLISHES_OTHER_WEIGHTS(Invariant.I12, "a snapshot's parts hold the initial weights, every checksum is right"),
    TAKES_ANY_BASE(Invariant.I12,
            "after a rollback a trainer goes on with whatever the log gives, not with what was published"),
    OVERWRITES_WHAT_IS_SERVED(Invariant.I13, "the next version is decoded into the memory that readers read"),
    TELLS_COMMITS_OF_ONE_WATERMARK_NOT_APART(Invariant.I14,
            "no commit number beside the offset: a snapshot is published twice"),
    FENCES_NOBODY(Invariant.I14, "a trainer that was replaced may go on writing"),
    ADMITS_AN_EPOCH_THAT_IS_OVER(Invariant.I14, "a higher version is taken for a newer one, whatever its epoch"),
    ADMITS_WHATEVER_COMES(Invariant.I15, "a snapshot is served without being verified"),
    SERVES_A_FILE_THAT_IS_OVER(Invariant.I16, "a file is served at a start whatever was decided about its epoch"),
    TAKES_SIZES_ON_TRUST(Invariant.I17, "a declared size is allocated before it is checked"),
    COMMITS_REQUESTS_OUTSIDE_THE_TRANSACTION(Invariant.I18,
            "a request's offset is committed beside the transaction that holds its answer"),
    FENCES_NO_TOPIC_SCORER(Invariant.I18,
            "a scorer that was replaced sends its offsets without its generation of the group"),
    CHECKS_NO_CHECKSUM(Invariant.I19, "a record's format is checked, its checksum is not"),
    READS_WITH_ITS_OWN_SCHEMA(Invariant.I20, "an event is decoded by the newest schema, not by its writer's"),
    CHANGES_A_FORMAT_SILENTLY(Invariant.I21, "a field moves, the format's number stays"),
    READS_ANY_FORMAT(Invariant.I21, "a format's number is not looked at"),
    TAKES_ANY_SPECS_STATE(Invariant.I22, "a state's spec fingerprint is not compared"),
    TAKES_ANY_LOGS_STATE(Invariant.I23, "the id of the log of record is not compared"),
    LEARNS_BY_THE_CLOCK(Invariant.I24, "a mini-batch also ends when an alarm of the wall clock rings"),
    WRITES_EXAMPLES_TWICE(Invariant.I25, "a joiner sends each example twice in its transaction"),
    WRITES_EXAMPLES_OUTSIDE_THE_TRANSACTION(Invariant.I25,
            "a joiner's examples stay where its transaction does not: they are written again"),
    COMMITS_PLACES_OUTSIDE_THE_TRANSACTION(Invariant.I25,
            "a joiner's places in its topics stay where its transaction does not: records are lost"),
    FORGETS_WHAT_IT_KEPT(Invariant.I25, "a joiner that starts again knows no waiting event and no early label"),
    FORGETS_THE_TIME(Invariant.I25, "a joiner that starts again takes the time of its first record for its own"),
    KEEPS_AN_EVENT_WAITING(Invariant.I25, "an event whose wait is over goes on waiting after its example"),
    EXPIRES_BY_THE_WALL_CLOCK(Invariant.I25, "events and labels expire by the clock of the machine"),
    KEEPS_THE_OLD_LABEL(Invariant.I26, "a correction counts its label, and the old one stays counted"),
    FORGETS_WHAT_WAS_SERVED(Invariant.I26, "a trainer that starts again begins to count what was served anew");

    private final @org.jspecify.annotations.Nullable Invariant invariant;
    private final String what;

    Breaker(@org.jspecify.annotations.Nullable Invariant invariant, String what) {
        this.invariant = invariant;
        this.what = what;
    }

    /// The invariant whose oracle must report it; null for `NONE`.
    public @org.jspecify.annotations.Nullable Invariant invariant() {
        return invariant;
    }

    public String what() {
        return what;
    }
}
