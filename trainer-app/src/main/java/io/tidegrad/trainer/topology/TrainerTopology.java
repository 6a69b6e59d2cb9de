package io.tidegrad.trainer.topology;

import io.tidegrad.control.Lineage;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.poll.Burst;
import io.tidegrad.trainer.poll.StopOrder;
import io.tidegrad.trainer.publish.Publisher;
import io.tidegrad.trainer.store.ModelStoreBuilder;
import io.tidegrad.trainer.store.Published;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;

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

    /// @param folds a new one for each task: decoding keeps state
    /// @param publishers a new one for each task, from what was published before
    /// @param deadLetterBytesMax the dead-letter topic's `max.message.bytes`
    /// @param patience with the registry; the folds' decoder asks it what is left
    /// @param fatalEvents those that ended earlier lives
    /// @param stop after which only what has been read is learned
    /// @param warmUp completes when the kernels are compiled; the first event waits for it
    public record Parts(Lineage lineage, Topics topics, ModelStoreBuilder store, Function<OnlineModel, EventFold> folds,
            Function<Published, Publisher> publishers, int deadLetterBytesMax, Patience patience,
            FatalEvents fatalEvents, StopOrder stop, CompletableFuture<?> warmUp) {
    }

    /// One model's topology. Everything is bytes here: events are decoded in the processor, so that a dead letter
    /// carries exactly what came; deserialisation by Streams could drop a record, and its offset would be committed as
    /// consumed.
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
