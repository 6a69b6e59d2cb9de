/// Exports models to ONNX, for other runtimes. (Weights are exported as safetensors in `model`, because the trainer
/// also reads that format.)
@NullMarked
package io.tidegrad.exchange;

import org.jspecify.annotations.NullMarked;
