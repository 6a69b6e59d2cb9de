package io.tidegrad.cli;

import io.tidegrad.control.EventSchemas;
import io.tidegrad.control.SpecFile;
import io.tidegrad.control.suggestion.SpecSuggestion;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.SchemaRegistry;
import java.nio.file.Path;
import picocli.CommandLine;

/// `tidegrad spec check`.
final class SpecCheckCommand {
    private SpecCheckCommand() {}

    static int run(Settings settings, CommandLine line) {
        settings.refuseMistakes();
        ModelSpec spec = SpecFile.read(Path.of(settings.list(CommonSettings.SPEC).getFirst()));
        String topic = settings.text(CliSettings.TOPIC);
        if (spec.stream() != null && topic.isEmpty()) {
            throw new StopException(ExitCode.CONFIGURATION, "model " + spec.model()
                    + ": expected --topic, where the events of stream " + spec.stream() + " lie, found none");
        }
        ModelSpec given = topic.isEmpty() ? spec : spec.onTopic(topic);
        try (SchemaRegistry registry = SchemaRegistry.connect(settings.registry().client())) {
            ModelSpec placed = SpecSuggestion.complete(given, null, settings.kafka(), settings.registry());
            ModelSpec known = EventSchemas.known(placed, registry);
            Lines lines = new Lines().add("model", "%s", spec.model()).add("topic", "%s", placed.inputTopic())
                    .add("fields", "%s", String.join(", ", placed.fields()));
            line.getOut().print(lines.add("found", "%s", found(known)));
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            throw StopException.from(e, settings.registry().shownUrl());
        }
        return 0;
    }

    private static String found(ModelSpec spec) {
        return spec.input().format() == ModelSpec.Format.JSON ? "nothing to look in: events in JSON have no schema"
                : switch (spec.input().reader()) {
                    case ModelSpec.Reader.Any() -> "in every version of the topic's schema, with types that fit";
                    case ModelSpec.Reader.Of(int id) -> "in schema " + id
                            + ", with types that fit; versions differ, so it is registered with schema: " + id;
                    case ModelSpec.Reader.First() ->
                        "no schema of the topic is registered yet: the first event decides";
                };
    }
}
