@NullMarked
package io.tidegrad.trainer.exit;

import org.jspecify.annotations.NullMarked;
