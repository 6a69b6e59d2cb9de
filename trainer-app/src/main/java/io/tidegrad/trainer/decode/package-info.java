@NullMarked
package io.tidegrad.trainer.decode;

import org.jspecify.annotations.NullMarked;
