@NullMarked
package io.tidegrad.trainer.log;

import org.jspecify.annotations.NullMarked;
