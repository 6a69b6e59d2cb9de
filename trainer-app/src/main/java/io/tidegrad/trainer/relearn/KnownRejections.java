package io.tidegrad.trainer.relearn;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.TopicReader;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.StoredState;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The rejections of a lineage that the log alone does not decide. Dead letters tell which they were, and are facts
/// because they belong to the transactions that learned:
///
/// - `unknown-schema`: the registry did not know a schema. It may know it now, and may have lost one that it knew. An
/// event
///   with such a dead letter is rejected, whatever the registry says today.
/// - `ended-the-trainer`: the event had ended the trainer twice. It is not decoded again.
///
/// Every other rejection is a function of the log, and is found again.
public final class KnownRejections {
    /// The rejections of a lineage that no one has learned before.
    public static final KnownRejections NONE = new KnownRejections("", new long[0], new long[0], Long.MIN_VALUE, "");

    private static final Logger LOG = LoggerFactory.getLogger(KnownRejections.class);
    private static final String UNKNOWN_SCHEMA = Rejection.Reason.UNKNOWN_SCHEMA.code();
    private static final String ENDED_THE_TRAINER = Rejection.Reason.ENDED_THE_TRAINER.code();

    private final String model;
    private final long[] unknownSchemas; // offsets, ascending
    private final long[] setAside; // offsets, ascending
    private final long learnedTo;
    private final String missing; // says which dead letters are gone; mostly empty

    private KnownRejections(String model, long[] unknownSchemas, long[] setAside, long learnedTo, String missing) {
        this.model = model;
        this.unknownSchemas = unknownSchemas;
        this.setAside = setAside;
        this.learnedTo = learnedTo;
        this.missing = missing;
    }

    /// Reads only which events were set aside, for learning by another spec or from another start. The registry is
    /// asked again then, but an event that ended trainers would end this process as well.
    public static KnownRejections setAside(KafkaSettings kafka, Topics topics, Lineage lineage) {
        return new KnownRejections(lineage.model(), new long[0], Letters.read(kafka, topics, lineage, 0).setAside,
                Long.MIN_VALUE, "");
    }

    /// Reads all dead letters, because those of many models lie among each other. The stored state says how many the
    /// lineage has written. If retention has deleted some of them, that is logged, because an event that was rejected
    /// then may be learned now.
    ///
    /// @throws StopException if the lineage was learned by a build that gives other bits
    public static KnownRejections read(KafkaSettings kafka, Topics topics, Lineage lineage) {
        StoredState.Head head = StoredState.head(Changelog.of(kafka, topics, lineage));
        if (head != null) {
            head.requireNumerics(lineage.model());
        }
        // The registry has answered for every event before `learnedTo`.
        ControlAction.Rollback origin = lineage.origin();
        long begun = origin == null ? lineage.startOffset() : origin.base().nextOffset();
        long learnedTo = head == null ? begun : head.nextOffset();
        Letters letters = Letters.read(kafka, topics, lineage, learnedTo);
        long written = head == null ? 0 : head.accounts().deadLetters() - takenOver(kafka, topics, lineage);
        String missing =
                letters.learned < written ? missing(topics.deadLetters(), written, letters.learned, letters.first) : "";
        if (!missing.isEmpty()) {
            LOG.warn(
                    "model {}: {}. If the registry did not know the schema of one of these events and knows it now, or if one had"
                            + " ended the trainer and was set aside, the event is learned here and was not then, and hashes from"
                            + " there on differ",
                    lineage.model(), missing);
        }
        return new KnownRejections(lineage.model(), letters.unknownSchemas, letters.setAside, learnedTo, missing);
    }

    /// Returns how many dead letters are of events before the newest upgrade, which nobody learns again.
    private static long takenOver(KafkaSettings kafka, Topics topics, Lineage lineage) {
        Lineage before = lineage.takenOver();
        StoredState.Head head = before == null ? null : StoredState.head(Changelog.of(kafka, topics, before));
        return head == null ? 0 : head.accounts().deadLetters();
    }

    /// @param unknownSchemas offsets of events, ascending
    /// @param setAside offsets of events, ascending
    /// @param learned how many dead letters are of events before `learnedTo` that can be learned again
    /// @param first the lowest offset of these
    private record Letters(long[] unknownSchemas, long[] setAside, long learned, long first) {
        public static Letters read(KafkaSettings kafka, Topics topics, Lineage lineage, long learnedTo) {
            LongStream.Builder unknownSchemas = LongStream.builder();
            LongStream.Builder setAside = LongStream.builder();
            long[] learned = {0, Long.MAX_VALUE}; // how many, the first offset
            for (TopicPartition partition : TopicReader.partitions(kafka, topics.deadLetters())) {
                try (TopicReader reader = new TopicReader(kafka, partition)) {
                    reader.read(reader.begin(), reader.end(), letter -> {
                        if (isOf(lineage, letter)) {
                            long offset = Long.parseLong(text(letter, "tidegrad-offset"));
                            if (offset >= lineage.firstOffset() && offset < learnedTo) {
                                learned[0]++;
                                learned[1] = Math.min(learned[1], offset);
                            }
                            String reason = text(letter, DeadLetter.REASON);
                            if (reason.equals(UNKNOWN_SCHEMA)) {
                                unknownSchemas.add(offset);
                            } else if (reason.equals(ENDED_THE_TRAINER)) {
                                setAside.add(offset);
                            }
                        }
                        return true;
                    });
                }
            }
            return new Letters(unknownSchemas.build().sorted().toArray(), setAside.build().sorted().toArray(),
                    learned[0], learned[1]);
        }
    }

    private static String missing(String topic, long written, long left, long first) {
        return written - left + " of its " + written + " dead letters are not on " + topic
                + " any more, where retention deletes them"
                + (left == 0 ? "" : "; the first that is left is of offset " + first);
    }

    private static boolean isOf(Lineage lineage, ConsumerRecord<byte[], byte[]> letter) {
        String offset = text(letter, "tidegrad-offset");
        return text(letter, DeadLetter.MODEL).equals(lineage.model())
                && text(letter, DeadLetter.TOPIC).equals(lineage.log().topic()) && offset.matches("[0-9]{1,18}")
                && text(letter, "tidegrad-epoch").equals(Integer.toString(lineage.epochOf(Long.parseLong(offset))));
    }

    /// Returns the newest header of this name, because the event may have had one of its own.
    private static String text(ConsumerRecord<byte[], byte[]> letter, String header) {
        Header found = letter.headers().lastHeader(header);
        return found == null || found.value() == null ? "" : new String(found.value(), StandardCharsets.UTF_8);
    }

    /// Returns null if the event at `offset` is to be decoded.
    @Nullable
    Rejection at(long offset) {
        if (isIn(setAside, offset)) {
            return new Rejection(Rejection.Reason.ENDED_THE_TRAINER,
                    "it was set aside when it was learned, as it had ended the trainer twice");
        }
        return isIn(unknownSchemas, offset) ? new Rejection(Rejection.Reason.UNKNOWN_SCHEMA,
                "the registry did not know its schema when it was learned") : null;
    }

    private static boolean isIn(long[] offsets, long offset) {
        return offsets.length > 0 && Arrays.binarySearch(offsets, offset) >= 0;
    }

    /// @throws StopException if the registry has lost a schema that it knew when the event was learned
    void check(ConsumerRecord<byte[], byte[]> record, PreparedEvent event) {
        if (record.offset() >= learnedTo) {
            return;
        }
        Rejection rejection = event.rejection();
        if (rejection != null && rejection.reason() == Rejection.Reason.UNKNOWN_SCHEMA) {
            throw new StopException(ExitCode.STATE_VIOLATION, "model " + model + ": expected the schema with id "
                    + event.schemaId() + " in the registry, as when the event at " + record.topic() + "-"
                    + record.partition() + " offset " + record.offset()
                    + " was learned (there is no dead letter of it), found none; register it again under"
                    + " this id, or restore the dead letters" + (missing.isEmpty() ? "" : " (" + missing + ")"));
        }
    }
}
