package io.tidegrad.scorerapp;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// An inference request of the Open Inference Protocol, over HTTP or gRPC.
///
/// @param id returned with the response; null for none
/// @param key its parameter `key`: what must always be scored by the same model; null for none
/// @param ids its parameter `ids`: ids of its records in the log; null for none
/// @param outputs names of the requested outputs; empty for all
record InferRequest(@Nullable String id, @Nullable String key, @Nullable String ids, List<Tensor> inputs,
        List<String> outputs) {
    /// Name of the parameter with the routing key.
    static final String KEY = "key";

    /// Name of the parameter with the ids, in requests and answers.
    static final String IDS = "ids";

    InferRequest {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
    }
}
