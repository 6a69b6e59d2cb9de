/// Models for others to run: ONNX. (Weights for others to learn on with are safetensors, in `model`: the trainer reads
/// those too.)
@NullMarked
package io.tidegrad.exchange;

import org.jspecify.annotations.NullMarked;
