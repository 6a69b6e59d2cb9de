package io.tidegrad.trainer.publish;

import io.tidegrad.control.PublishedManifests;
import io.tidegrad.control.TopicReader;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/// Reads a published version's weights from the topic of snapshots, for a trainer that starts: its own state is of a later
/// moment. The topic is read twice: for the manifests, and for the full snapshot and the deltas that lead to the version.
public final class ServedVersion {
    private ServedVersion() {}

    /// @throws SnapshotFormatException if the version is not whole on the topic, or a scorer would refuse it
    /// @throws io.tidegrad.control.ControlException if there is no such topic
    /// @throws org.apache.kafka.common.KafkaException if it can't be read
    public static Parameters read(KafkaSettings kafka, Topics topics, String model, int epoch, long version,
            Kernels kernels) {
        TreeMap<Long, SnapshotManifest> manifests = new TreeMap<>();
        PublishedManifests.read(kafka, topics, model).stream().filter(each -> each.epoch() == epoch)
                .forEach(each -> manifests.put(each.version(), each));
        List<SnapshotManifest> chain = chain(manifests, version);
        Map<SnapshotKey, byte[]> parts = new HashMap<>();
        try (TopicReader reader = new TopicReader(kafka, topics.snapshots(model))) {
            reader.read(reader.begin(), reader.end(), record -> take(record, epoch, chain, parts));
        }
        SnapshotVerifier verifier = new SnapshotVerifier(model, kernels, Long.MAX_VALUE);
        LoadedModel loaded = null;
        for (SnapshotManifest manifest : chain) {
            List<byte[]> values = new ArrayList<>();
            for (int part = 0; part < manifest.parts(); part++) {
                byte[] value = parts.get(SnapshotKey.part(epoch, manifest.version(), part));
                if (value == null) {
                    throw new SnapshotFormatException("version " + manifest.version() + ": expected " + manifest.parts()
                            + " parts on the topic, found none with the number " + part);
                }
                values.add(value);
            }
            loaded = switch (verifier.verify(manifest, values, loaded)) {
                case Verification.Admitted(LoadedModel admitted, long _) -> admitted;
                case Verification.Refused refused -> throw new SnapshotFormatException(
                        "version " + manifest.version() + ": " + refused.reason().code() + ": " + refused.detail());
            };
        }
        if (loaded == null) {
            throw missing(version);
        }
        return loaded.parameters();
    }

    private static SnapshotFormatException missing(long version) {
        return new SnapshotFormatException("expected version " + version + " on the topic, found no manifest of it");
    }

    /// From the full snapshot to the version.
    private static List<SnapshotManifest> chain(TreeMap<Long, SnapshotManifest> manifests, long version) {
        List<SnapshotManifest> chain = new ArrayList<>();
        for (long at = version;;) {
            SnapshotManifest manifest = manifests.get(at);
            if (manifest == null) {
                throw missing(at);
            }
            chain.addFirst(manifest);
            if (!manifest.isDelta()) {
                return chain;
            }
            at = manifest.parentVersion();
        }
    }

    private static boolean take(ConsumerRecord<byte[], byte[]> record, int epoch, List<SnapshotManifest> chain,
            Map<SnapshotKey, byte[]> parts) {
        try {
            SnapshotKey key = SnapshotKey.decode(record.key());
            if (key.kind() == SnapshotKey.Kind.PART && key.epoch() == epoch && record.value() != null
                    && chain.stream().anyMatch(each -> each.version() == key.version())) {
                parts.put(key, record.value());
            }
        } catch (SnapshotFormatException unreadable) {
            // A scorer that reads it logs it.
        }
        return true;
    }
}
