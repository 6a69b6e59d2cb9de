package io.tidegrad.scorerapp;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// An inference request of the Open Inference Protocol, however it came.
///
/// @param id returned with the answer; null without one
/// @param key its parameter `key`: whatever the same answerer is to be kept for; null without one
/// @param outputs names of those that are asked for; empty for all
record InferRequest(@Nullable String id, @Nullable String key, List<Tensor> inputs, List<String> outputs) {
    /// The parameter that is the request's key.
    static final String KEY = "key";

    InferRequest {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
    }
}
