package io.tidegrad.scorerapp;

import io.tidegrad.schemas.Build;
import io.tidegrad.scorer.Predictions;
import java.util.List;

/// The JSON responses of `/v2`, as in the REST specification of the Open Inference Protocol.
final class InferResponses {
    private InferResponses() {}

    static byte[] error(HttpProblem problem) {
        return JsonObject.of(json -> json.put("error", text(problem)));
    }

    /// Returns the protocol's only string for an error. The reason, which is for programs, comes first.
    static String text(HttpProblem problem) {
        String record = problem.record() == HttpProblem.NO_RECORD ? "" : "record " + problem.record() + ": ";
        return problem.reason().code() + ": " + record + StrictJson.printable(problem.message());
    }

    static byte[] server() {
        return JsonObject.of(json -> json.put("name", OpenInference.SERVER).put("version", Build.version())
                .strings("extensions", List.of()));
    }

    static byte[] live(boolean live) {
        return JsonObject.of(json -> json.put("live", live));
    }

    /// The specification's table also has `live` here; a probe wants to know `ready`.
    static byte[] ready(boolean live, boolean ready) {
        return JsonObject.of(json -> json.put("live", live).put("ready", ready));
    }

    static byte[] modelReady(String name, boolean ready) {
        return JsonObject.of(json -> json.put("name", name).put("ready", ready));
    }

    static byte[] metadata(OpenInference.Metadata metadata) {
        return JsonObject.of(json -> {
            json.put("name", metadata.name()).strings("versions", metadata.versions())
                    .put("platform", OpenInference.PLATFORM)
                    .objects("inputs", metadata.inputs(), InferResponses::tensor)
                    .objects("outputs", metadata.outputs(), InferResponses::tensor);
            // The protocol's schema allows more members than it names, and inferences have parameters too.
            json.put("parameters", each -> JsonResponses.served(each, metadata.served(), metadata.status()));
        });
    }

    static byte[] inference(OpenInference.Answer answer) {
        Predictions predictions = answer.predictions();
        return JsonObject.of(json -> {
            json.put("model_name", answer.name()).put("model_version", answer.version());
            if (answer.id() != null) {
                json.put("id", answer.id());
            }
            json.put("parameters", each -> {
                each.put("model", predictions.model()).put("epoch", predictions.epoch())
                        .put("version", predictions.version()).put("offset", predictions.offset());
                if (predictions.freshnessMs() >= 0) {
                    // A parameter can't be null, so an unknown value is left out.
                    each.put("freshness_ms", predictions.freshnessMs());
                }
                if (!answer.ids().isEmpty()) {
                    each.put(InferRequest.IDS, answer.encodedIds());
                }
            }).objects("outputs", List.of(answer.answered()), (each, output) -> {
                tensor(each, output);
                each.floats("data", predictions.probabilities(), 0, predictions.probabilities().length);
            });
        });
    }

    private static void tensor(JsonObject json, TensorInfo tensor) {
        json.put("name", tensor.name()).put("datatype", tensor.type().name()).numbers("shape", tensor.shape());
    }
}
