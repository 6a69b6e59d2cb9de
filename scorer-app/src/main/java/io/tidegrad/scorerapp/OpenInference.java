package io.tidegrad.scorerapp;

import io.tidegrad.model.feature.Event;
import io.tidegrad.schemas.settings.NearestName;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.TraceContext;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The Open Inference Protocol (version 2) for the served models, independent of its transport
/// (https://github.com/kserve/open-inference-protocol). Each field is an input tensor, and the prediction is the only
/// output tensor.
record OpenInference(ServedModels models) {
    static final String SERVER = "tidegrad";

    /// `<project>_<format>`, as the protocol requires.
    static final String PLATFORM = "tidegrad_snapshot";

    /// @param versions versions that a request may name, newest first
    /// @param served version that is described
    /// @param status status of its scorer
    record Metadata(String name, List<String> versions, List<TensorInfo> inputs, List<TensorInfo> outputs,
            ServedVersion served, ScorerStatus status) {
        Metadata {
            versions = List.copyOf(versions);
            inputs = List.copyOf(inputs);
            outputs = List.copyOf(outputs);
        }
    }

    /// @param name name in the request; the predictions say which model answers to it
    /// @param output the model's output, of any number of records
    /// @param ids of the records in the log; empty if they are not logged
    record Answer(String name, @Nullable String id, TensorInfo output, Predictions predictions, List<String> ids) {
        Answer {
            ids = List.copyOf(ids);
        }

        /// The output as it is answered.
        TensorInfo answered() {
            return output.ofRecords(predictions.size());
        }

        /// The ids as a parameter has them: separated by commas, percent-encoded.
        String encodedIds() {
            return EventIds.encoded(ids);
        }

        /// `epoch.version`.
        String version() {
            return predictions.epoch() + "." + predictions.version();
        }
    }

    /// @param version null for the current one
    /// @throws HttpProblem if there is no such model or version
    Metadata metadata(String name, @Nullable String version) {
        Scorer scorer = models.live(name);
        ServedVersion served = models.version(scorer, version);
        return new Metadata(name, models.versions(scorer).stream().map(ServedModels::name).toList(),
                List.copyOf(models.readers(served).fields().inputs()), List.of(output(served)), served,
                scorer.status());
    }

    /// One row for each record, also if a row is a single number.
    private static TensorInfo output(ServedVersion served) {
        String name = JsonResponses.predictionName(served.spec().loss());
        return served.spec().label().isList()
                ? TensorInfo.of(name, TensorType.FP32, served.spec().steps(), served.spec().outputs())
                : TensorInfo.of(name, TensorType.FP32, served.outputs());
    }

    /// @param version null for the current one
    /// @throws HttpProblem if there is no such model or version
    boolean ready(String name, @Nullable String version) {
        Scorer scorer = models.live(name);
        if (!scorer.ready()) {
            return false;
        }
        models.version(scorer, version);
        return true;
    }

    /// @param version null for the current one
    /// @param bytes size of the request as received
    /// @param trace in which it stands; null if it does not say so
    /// @throws HttpProblem if it can't be answered
    Answer infer(ModelRouter asked, @Nullable String version, InferRequest request, int bytes,
            @Nullable TraceContext trace) {
        ServedModels.Records records = new Inputs(request, bytes, trace);
        ServedModels.Scored scored = version == null ? models.score(asked, request.key(), records)
                : models.score(asked, models.version(asked.live(), version), records);
        return new Answer(asked.name(), request.id(), output(scored.by()), scored.predictions(), scored.ids());
    }

    private record Inputs(InferRequest request, int sent,
            @Nullable TraceContext trace) implements ServedModels.Records {
        /// Bytes of a number in a list: its box and the list's reference.
        private static final int VALUE_BYTES = 24;

        @Override
        public int bytes() {
            long values = 0;
            for (Tensor input : request.inputs()) {
                values += input.values().size();
            }
            return (int) Math.min(sent + VALUE_BYTES * values, Integer.MAX_VALUE / 2);
        }

        @Override
        public LoggedEvents events() {
            return new LoggedEvents.Tensors(request.inputs(), sent);
        }

        @Override
        public @Nullable String ids() {
            return request.ids();
        }

        @Override
        public List<Event> read(ServedVersion by, ServedModels.Readers with) {
            checkOutputs(request.outputs(), output(by).name());
            return with.tensors().read(request.inputs());
        }
    }

    private static void checkOutputs(List<String> requested, String output) {
        for (String name : requested) {
            if (!name.equals(output)) {
                throw new HttpProblem(ProblemReason.UNKNOWN_OUTPUT, "no output '" + StrictJson.printable(name)
                        + "' of this model" + NearestName.hint(name, List.of(output)));
            }
        }
        if (requested.size() > 1) {
            throw HttpProblem
                    .notARequest("outputs: expected '" + output + "' once, found it " + requested.size() + " times");
        }
    }
}
