//! The module's memory: handed out from the front, and gone with the instance.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Hands out memory from the front.
pub(crate) struct Front;

#[global_allocator]
pub(crate) static FRONT: Front = Front;

/// The first address that is not handed out; 0 before the first call.
pub(crate) static NEXT: AtomicUsize = AtomicUsize::new(0);
/// The first address past the memory that there is; 0 before the first call.
static END: AtomicUsize = AtomicUsize::new(0);

const PAGE: usize = 65_536;
/// Pages that memory grows by at least: each growth changes the process's mappings.
const GROWTH: usize = 4;

unsafe extern "C" {
    /// Where the linker ends the module's own data.
    static __heap_base: u8;
}

// SAFETY: each address is handed out once, aligned, and inside of the memory that the module has. There is one thread.
unsafe impl GlobalAlloc for Front {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut next = NEXT.load(Ordering::Relaxed);
        if next == 0 {
            next = &raw const __heap_base as usize;
            END.store(core::arch::wasm32::memory_size(0) * PAGE, Ordering::Relaxed);
        }
        let Some(start) = next.checked_next_multiple_of(layout.align()) else { return core::ptr::null_mut() };
        let Some(end) = start.checked_add(layout.size()) else { return core::ptr::null_mut() };
        let limit = END.load(Ordering::Relaxed);
        if end > limit {
            let pages = (end - limit).div_ceil(PAGE).max(GROWTH);
            if core::arch::wasm32::memory_grow(0, pages) == usize::MAX {
                return core::ptr::null_mut();
            }
            END.store(limit + pages * PAGE, Ordering::Relaxed);
        }
        NEXT.store(end, Ordering::Relaxed);
        start as *mut u8
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // What was handed out last can be taken back.
        if start as usize + layout.size() == NEXT.load(Ordering::Relaxed) {
            NEXT.store(start as usize, Ordering::Relaxed);
        }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let address = start as usize;
        if size <= layout.size() {
            return start;
        }
        // What was handed out last grows where it is.
        if address + layout.size() == NEXT.load(Ordering::Relaxed) {
            NEXT.store(address, Ordering::Relaxed);
            // SAFETY: the alignment is that of an earlier layout, and the size does not overflow: the callers of an
            // allocator see to both.
            return unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        }
        // SAFETY: the same; the two stretches are apart, because the new one was not handed out before.
        unsafe {
            let copy = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !copy.is_null() {
                core::ptr::copy_nonoverlapping(start, copy, layout.size());
            }
            copy
        }
    }
}
