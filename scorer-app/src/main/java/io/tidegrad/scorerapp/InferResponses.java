package io.tidegrad.scorerapp;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tidegrad.schemas.Build;
import io.tidegrad.scorer.Predictions;
import java.io.IOException;
import java.util.Collection;
import java.util.List;

/// The JSON responses of `/v2`, as in the REST specification of the Open Inference Protocol.
final class InferResponses {
    private InferResponses() {}

    static byte[] error(HttpProblem problem) {
        return JsonResponses.object(json -> json.writeStringField("error", text(problem)));
    }

    /// Returns the protocol's only string for an error. The reason, which is for programs, comes first.
    static String text(HttpProblem problem) {
        String record = problem.record() == HttpProblem.NO_RECORD ? "" : "record " + problem.record() + ": ";
        return problem.reason().code() + ": " + record + StrictJson.printable(problem.message());
    }

    static byte[] server() {
        return JsonResponses.object(json -> {
            json.writeStringField("name", OpenInference.SERVER);
            json.writeStringField("version", Build.version());
            strings(json, "extensions", List.of());
        });
    }

    static byte[] live(boolean live) {
        return JsonResponses.object(json -> json.writeBooleanField("live", live));
    }

    /// The specification's table also has `live` here; a probe wants to know `ready`.
    static byte[] ready(boolean live, boolean ready) {
        return JsonResponses.object(json -> {
            json.writeBooleanField("live", live);
            json.writeBooleanField("ready", ready);
        });
    }

    static byte[] modelReady(String name, boolean ready) {
        return JsonResponses.object(json -> {
            json.writeStringField("name", name);
            json.writeBooleanField("ready", ready);
        });
    }

    static byte[] metadata(OpenInference.Metadata metadata) {
        return JsonResponses.object(json -> {
            json.writeStringField("name", metadata.name());
            strings(json, "versions", metadata.versions());
            json.writeStringField("platform", OpenInference.PLATFORM);
            tensors(json, "inputs", metadata.inputs());
            tensors(json, "outputs", metadata.outputs());
            // The protocol's schema allows more members than it names, and inferences have parameters too.
            json.writeObjectFieldStart("parameters");
            JsonResponses.served(json, metadata.served(), metadata.status());
            json.writeEndObject();
        });
    }

    static byte[] inference(OpenInference.Answer answer) {
        Predictions predictions = answer.predictions();
        return JsonResponses.object(json -> {
            json.writeStringField("model_name", answer.name());
            json.writeStringField("model_version", answer.version());
            if (answer.id() != null) {
                json.writeStringField("id", answer.id());
            }
            json.writeObjectFieldStart("parameters");
            json.writeStringField("model", predictions.model());
            json.writeNumberField("epoch", predictions.epoch());
            json.writeNumberField("version", predictions.version());
            json.writeNumberField("offset", predictions.offset());
            if (predictions.freshnessMs() >= 0) {
                // A parameter can't be null, so an unknown value is left out.
                json.writeNumberField("freshness_ms", predictions.freshnessMs());
            }
            json.writeEndObject();
            json.writeArrayFieldStart("outputs");
            json.writeStartObject();
            tensor(json, answer.output(), TensorType.FP32, List.of(predictions.size(), predictions.outputs()));
            json.writeArrayFieldStart("data");
            for (float value : predictions.probabilities()) {
                json.writeNumber(value);
            }
            json.writeEndArray();
            json.writeEndObject();
            json.writeEndArray();
        });
    }

    private static void tensors(JsonGenerator json, String name, Collection<TensorInfo> tensors) throws IOException {
        json.writeArrayFieldStart(name);
        for (TensorInfo tensor : tensors) {
            json.writeStartObject();
            tensor(json, tensor.name(), tensor.type(), tensor.shape());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void tensor(JsonGenerator json, String name, TensorType type, List<Integer> shape)
            throws IOException {
        json.writeStringField("name", name);
        json.writeStringField("datatype", type.name());
        json.writeArrayFieldStart("shape");
        for (int dimension : shape) {
            json.writeNumber(dimension);
        }
        json.writeEndArray();
    }

    private static void strings(JsonGenerator json, String name, List<String> strings) throws IOException {
        json.writeArrayFieldStart(name);
        for (String string : strings) {
            json.writeString(string);
        }
        json.writeEndArray();
    }
}
