package io.tidegrad.console;

import io.tidegrad.control.CatalogRecord;
import io.tidegrad.control.ControlFormatException;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ProcessStatus;
import io.tidegrad.control.RunStatus;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.TrainerStatus;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Comparison;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.UndecodableException;
import io.tidegrad.schemas.Verdict;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;

/// Turns records of the topics into changes of the picture. A record that can't be read is counted and passed over. One
/// thread uses it.
final class RecordIntake {
    private static final String STREAM_KEY = "stream:";

    private final Topics topics;
    private final Picture picture;
    private final AvroCodec codec;
    private final Payload payload;
    private final String snapshots;

    RecordIntake(Topics topics, SchemaRegistry registry, Picture picture) {
        this.topics = topics;
        this.picture = picture;
        codec = new AvroCodec(registry);
        payload = new Payload(registry);
        snapshots = topics.snapshots("");
    }

    /// @throws RegistryUnavailableException if the record's schema is not known and the registry can't be asked; the
    ///     record counts as not taken
    void take(ConsumerRecord<byte[], byte[]> record) {
        try {
            if (record.topic().equals(topics.deadLetters())) {
                deadLetter(record);
            } else if (record.key() == null) {
                picture.unreadable();
            } else if (record.topic().startsWith(snapshots)) {
                snapshot(record, record.topic().substring(snapshots.length()));
            } else if (record.topic().equals(topics.progress())) {
                progress(record);
            } else if (record.topic().equals(topics.models())) {
                picture.take(ControlRecord.model(record.key()),
                        record.value() == null ? null : CatalogRecord.decode(record.key(), record.value()));
            } else if (record.value() == null) {
                picture.unreadable();
            } else if (record.topic().equals(topics.status())) {
                if (RunStatus.isOne(record.value())) {
                    picture.take(RunStatus.decode(record.key(), record.value()), record.timestamp());
                } else {
                    picture.take(ProcessStatus.decode(record.key(), record.value()), record.timestamp());
                }
            } else if (!ControlRecord.model(record.key()).startsWith(STREAM_KEY)) {
                picture.take(ControlRecord.decode(record.key(), record.value()));
            }
        } catch (ControlFormatException | SnapshotFormatException | UndecodableException e) {
            picture.unreadable();
        }
    }

    /// Beside reports of models there are comparisons with shadows under a name, and what verify, replay and chaos found. Their keys
    /// are no models' names.
    private void progress(ConsumerRecord<byte[], byte[]> record) {
        if (record.value() == null) {
            return;
        }
        String key = new String(record.key(), StandardCharsets.UTF_8);
        if (key.contains("~~")) {
            picture.take(codec.decode(record.value(), Verdict.class));
        } else if (key.contains("~")) {
            Comparison comparison = codec.decode(record.value(), Comparison.class);
            picture.change(comparison.getName(), of -> of.take(comparison));
        } else {
            Progress progress = codec.decode(record.value(), Progress.class);
            picture.change(progress.getModel(), of -> of.take(progress));
        }
    }

    private void snapshot(ConsumerRecord<byte[], byte[]> record, String model) {
        SnapshotKey key = SnapshotKey.decode(record.key());
        byte[] value = record.value();
        switch (key.kind()) {
            case PART -> {
                // Weights: the console has no use for them.
            }
            case MANIFEST -> {
                SnapshotManifest manifest = value == null ? null : SnapshotManifest.decode(value);
                picture.change(model, of -> of.take(key, manifest, record.timestamp()));
            }
            case HEARTBEAT -> {
                if (value != null) {
                    Heartbeat beat = Heartbeat.decode(value);
                    picture.change(model, of -> of.take(beat));
                }
            }
            case STATUS -> {
                if (value != null) {
                    TrainerStatus status = TrainerStatus.decode(value);
                    picture.change(model, of -> of.take(status));
                }
            }
        }
    }

    private void deadLetter(ConsumerRecord<byte[], byte[]> record) {
        String model = header(record, DeadLetter.MODEL);
        DeadLetterView letter = new DeadLetterView(record.timestamp(), header(record, DeadLetter.REASON),
                header(record, "tidegrad-detail"), header(record, DeadLetter.TOPIC),
                header(record, DeadLetter.PARTITION), header(record, "tidegrad-offset"),
                header(record, DeadLetter.STREAM), payload.text(record.key()), payload.text(record.value()));
        if (model.isEmpty()) {
            picture.takeOfStream(letter);
        } else {
            picture.change(model, of -> of.take(letter));
        }
    }

    private static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null || header.value() == null ? "" : new String(header.value(), StandardCharsets.UTF_8);
    }
}
