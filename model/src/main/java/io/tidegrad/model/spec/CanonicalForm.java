package io.tidegrad.model.spec;

import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Schedule;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/// One spec, one text: keys in fixed order, values equal to defaults left out, numbers in one spelling, every text
/// quoted. Itself a valid spec, but for `allow-label`. Its SHA-256 is the fingerprint, so that no line here may change
/// without need.
final class CanonicalForm {
    private CanonicalForm() {}

    /// Everything that decides a bit of a weight. `publish`, `watch`, `allow-label` and where a file lies don't: who
    /// adds `allow-label` to a spec that was registered without it has the same model. `schema: first` says, as a start offset does,
    /// with which event learning begins, and like that it belongs to the lineage.
    static String of(ModelSpec spec) {
        StringBuilder text = new StringBuilder();
        line(text, "model", Flow.quoted(spec.model()));
        line(text, "input", input(spec.input()));
        Flow label = label(spec);
        if (!label.isEmpty()) {
            line(text, "label", label.toString());
        }
        if (spec.weightField() != null) {
            line(text, "weight", "{field: " + Flow.quoted(spec.weightField()) + "}");
        }
        if (spec.lateLabels() != ModelSpec.LateLabels.RELEARN) {
            line(text, "late-labels", Flow.name(spec.lateLabels()));
        }
        text.append(Features.canonical(spec.features()));
        Recipe recipe = spec.recipe();
        if (recipe == null) {
            line(text, "network", CanonicalNetwork.of(spec.layers()));
        } else {
            line(text, "recipe", recipe.canonical());
        }
        line(text, "loss", Losses.FORMS.inBraces(spec.loss()));
        if (recipe == null) {
            line(text, "optimizer", Optimizers.OPTIMIZERS.inBraces(spec.optimizer()));
        }
        if (!(spec.schedule() instanceof Schedule.Constant)) {
            line(text, "schedule", Schedules.forms(0).inBraces(spec.schedule()));
        }
        if (!(spec.clipping() instanceof Clipping.None)) {
            line(text, "gradient-clipping", Optimizers.CLIPPINGS.inBraces(spec.clipping()));
        }
        Flow regularization = Optimizers.REGULARIZATION.keysOf(spec.regularization());
        if (!regularization.isEmpty()) {
            line(text, "regularization", regularization.toString());
        }
        if (spec.quarantine().judges()) {
            line(text, "quarantine", Quarantine.FORM.keysOf(spec.quarantine()).toString());
        }
        OnChange onChange = spec.onChange();
        if (onChange != null) {
            line(text, "on-change", OnChange.FORM.keysOf(onChange).toString());
        }
        Flow miniBatch = new Flow().add("size", spec.miniBatch() == 1 ? null : String.valueOf(spec.miniBatch()))
                .add("window", spec.window() == null ? null : spec.window().toString());
        if (!miniBatch.isEmpty()) {
            line(text, "mini-batch", miniBatch.toString());
        }
        if (spec.seed() != 0) {
            line(text, "seed", String.valueOf(spec.seed()));
        }
        ModelSpec.InitialWeights initial = spec.initialWeights();
        if (initial != null) {
            ModelSpec.HashedFile statistics = initial.statistics();
            line(text, "initial-weights",
                    new Flow().add("sha256", Flow.quoted(initial.weights().sha256()))
                            .add("statistics",
                                    statistics == null ? null : "{sha256: " + Flow.quoted(statistics.sha256()) + "}")
                            .toString());
        }
        return text.toString();
    }

    /// Everything that decides what a row's columns mean. The name of the hash is in it: another one would be another
    /// meaning.
    static String ofFeatures(List<Feature> features) {
        return "hash: murmur3-x86-32\n" + Features.canonical(features);
    }

    private static void line(StringBuilder text, String key, String value) {
        text.append(key).append(": ").append(value).append('\n');
    }

    private static String input(ModelSpec.Input input) {
        String stream = input.stream();
        // The topic of a stream's examples is named by the stream and its epoch: it is no part of what a spec says.
        return new Flow().add("topic", stream == null ? Flow.quoted(String.valueOf(input.topic())) : null)
                .add("stream", stream == null ? null : Flow.quoted(stream))
                .add("event-time", input.eventTime() == null ? null : Flow.quoted(input.eventTime()))
                .add("time-unit", input.timeUnit() == TimeUnit.MILLISECONDS ? null : Flow.name(input.timeUnit()))
                .add("max-ahead",
                        input.maxAhead().equals(ModelSpec.Input.MAX_AHEAD) ? null : input.maxAhead().toString())
                .add("format", input.format() == ModelSpec.Format.AVRO ? null : Flow.name(input.format()))
                .add("schema", input.reader() instanceof ModelSpec.Reader.Of(int id) ? Integer.toString(id) : null)
                .toString();
    }

    private static Flow label(ModelSpec spec) {
        ModelSpec.Label label = spec.label();
        Flow flow = new Flow().add("field", label.field() == null ? null : Flow.quoted(label.field()));
        return meaning(spec, flow).add("kind", label.isList() ? Flow.name(label.kind()) : null)
                .add("count", label.count() == 0 ? null : Integer.toString(label.count()))
                .add("lengths", label.lengths() == null ? null : Flow.quoted(label.lengths()));
    }

    /// As of a number of classes, only a recipe has to say it.
    private static String room(ModelSpec spec) {
        return spec.recipe() == null || spec.outputs() == ModelSpec.Label.ROOM ? "auto"
                : "{auto: " + spec.outputs() + "}";
    }

    /// What a label says beside its field: at most one key where it is one value.
    static Flow meaning(ModelSpec spec) {
        return meaning(spec, new Flow());
    }

    private static Flow meaning(ModelSpec spec, Flow to) {
        ModelSpec.Label label = spec.label();
        // A network says the number of classes by its outputs, a recipe says it nowhere else.
        String number = spec.recipe() != null && spec.outputs() > 1 ? Integer.toString(spec.outputs()) : null;
        return to.add("threshold", label.threshold() == null ? null : Flow.number(label.threshold()))
                .add("positive", label.positive() == null ? null : Flow.quoted(label.positive()))
                .add("classes", label.learnsClasses() ? room(spec) : label.classes().isEmpty() ? number
                        : label.classes().stream().map(Flow::quoted).collect(Collectors.joining(", ", "[", "]")));
    }
}
