package io.tidegrad.cli;

import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.ManifestKeys;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import java.security.PublicKey;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import picocli.CommandLine;

/// `tidegrad export`.
final class ExportCommand {
    private static final Set<ModelFile.Format> FORMATS =
            EnumSet.of(ModelFile.Format.ONNX, ModelFile.Format.SAFETENSORS, ModelFile.Format.SNAPSHOT);

    private ExportCommand() {}

    static int run(Settings settings, CommandLine line) {
        String to = settings.text(CliSettings.TO);
        ModelFile file = ModelFile.of("--to", to, FORMATS);
        if (file == null && !to.isEmpty()) {
            settings.problem(ModelFile.wrongEnding("--to", to, FORMATS));
        }
        PublicKey key = settings.file(CommonSettings.SNAPSHOT_PUBLIC_KEY, ManifestKeys::publicKey);
        settings.refuseMistakes();
        if (file != null) {
            LoadedModel model = Snapshots.find(settings, SettingsCommand.model(settings), OptionalInt.empty(),
                    settings.numberIfGiven(CliSettings.VERSION), key);
            file.write(model, metadata(model));
            line.getOut().print(report(model, file));
        }
        return 0;
    }

    static Map<String, String> metadata(LoadedModel model) {
        SnapshotManifest manifest = model.manifest();
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("producer", "tidegrad");
        metadata.put("model", manifest.model());
        metadata.put("epoch", "" + manifest.epoch());
        metadata.put("version", "" + manifest.version());
        metadata.put("examples", "" + manifest.examples());
        metadata.put("spec-fingerprint", HexFormat.of().formatHex(manifest.specFingerprint()));
        metadata.put("feature-fingerprint", HexFormat.of().formatHex(manifest.featureFingerprint()));
        metadata.put("weights-hash", manifest.weightsHash());
        metadata.put("spec", model.spec().yaml());
        if (!manifest.classes().isEmpty()) { // a line each: none has control characters
            metadata.put("classes", String.join("\n", manifest.classes()));
        }
        return metadata;
    }

    private static String report(LoadedModel model, ModelFile file) {
        SnapshotManifest manifest = model.manifest();
        Lines report = new Lines();
        report.add("model", "%s, version %d.%d, %,d events learned", manifest.model(), manifest.epoch(),
                manifest.version(), manifest.examples());
        report.add("weights-hash", "%s", manifest.weightsHash());
        file.contents(model.spec(), model.parameters())
                .forEach(line -> report.add(line.getKey(), "%s", line.getValue()));
        return report.toString();
    }
}
