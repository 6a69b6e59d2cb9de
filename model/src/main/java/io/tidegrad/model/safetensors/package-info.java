/// Weights to and from the safetensors format, named and laid out as PyTorch does.
@NullMarked
package io.tidegrad.model.safetensors;

import org.jspecify.annotations.NullMarked;
