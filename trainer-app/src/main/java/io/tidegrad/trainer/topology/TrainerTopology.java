package io.tidegrad.trainer.topology;

import io.tidegrad.control.Lineage;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.poll.Burst;
import io.tidegrad.trainer.poll.EventsAhead;
import io.tidegrad.trainer.poll.PollPace;
import io.tidegrad.trainer.poll.StopOrder;
import io.tidegrad.trainer.publish.Publisher;
import io.tidegrad.trainer.store.ModelStoreBuilder;
import io.tidegrad.trainer.store.Published;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.LongUnaryOperator;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;
import org.jspecify.annotations.Nullable;

/// ```
/// events ─▶ learn ─▶ dead-letters · snapshots · progress
///             │
///           model (store)
/// ```
public final class TrainerTopology {
    public static final String EVENTS = "events";
    public static final String LEARN = "learn";
    public static final String DEAD_LETTERS = "dead-letters";

    private TrainerTopology() {}

    /// @param folds makes the fold of a task, because decoding keeps state
    /// @param publishers makes the publisher of a task, from what was published before
    /// @param deadLetterBytesMax the dead-letter topic's `max.message.bytes`
    /// @param patience with the registry, which the folds' decoder asks
    /// @param fatalEvents those that ended earlier lives
    /// @param stop after this order only what has been read is learned
    /// @param pace gets to know when commits are due
    /// @param unlearned returns how many offsets of the log lie from one on; negative if that is not known
    /// @param workers threads that share each step, the one that learns included
    /// @param ahead prepares the events of a backlog; null for nothing
    /// @param warmUp completes when the kernels are compiled; the first event waits for it
    public record Parts(Lineage lineage, Topics topics, ModelStoreBuilder store, Function<OnlineModel, EventFold> folds,
            Function<Published, Publisher> publishers, int deadLetterBytesMax, Patience patience,
            FatalEvents fatalEvents, StopOrder stop, PollPace pace, LongUnaryOperator unlearned,
            @Nullable EventsAhead ahead, int workers, CompletableFuture<?> warmUp) {
    }

    /// Returns one model's topology. Everything in it is bytes, and the processor decodes the events, so that a dead
    /// letter has exactly the bytes that came. If Streams deserialized them, it could drop a record and commit its
    /// offset as consumed.
    public static Topology of(Parts parts) {
        String model = parts.lineage().model();
        Topics topics = parts.topics();
        return new Topology().addSource(AutoOffsetReset.none(), // a lost range must stop the trainer, not be jumped over
                EVENTS, (burst, partitionTime) -> burst.timestamp(), new ByteArrayDeserializer(), Burst.deserializer(),
                parts.lineage().log().topic()).addProcessor(LEARN, () -> new LearnProcessor(parts), EVENTS)
                .addStateStore(parts.store(), LEARN)
                .addSink(DEAD_LETTERS, topics.deadLetters(), new ByteArraySerializer(), new ByteArraySerializer(),
                        LEARN)
                .addSink(Publisher.SNAPSHOTS, topics.snapshots(model), new ByteArraySerializer(),
                        new ByteArraySerializer(), LEARN)
                .addSink(Publisher.PROGRESS, topics.progress(), new ByteArraySerializer(), new ByteArraySerializer(),
                        LEARN);
    }
}
