@NullMarked
package io.tidegrad.trainer.publish;

import org.jspecify.annotations.NullMarked;
