/// Reads and writes weights in the safetensors format, with PyTorch's names and layout.
@NullMarked
package io.tidegrad.model.safetensors;

import org.jspecify.annotations.NullMarked;
