@NullMarked
package io.tidegrad.trainer.interop;

import org.jspecify.annotations.NullMarked;
