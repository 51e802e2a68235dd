namespace Jitvmm.Runtime.Execution;

/// <summary>Why <see cref="VCpu.Run"/> came back.</summary>
public enum CpuExit
{
    /// <summary><see cref="VCpu.RequestExit"/> was called; RIP is the next instruction.</summary>
    Interrupted,

    /// <summary>A <c>syscall</c> instruction: RCX and R11 are already set and RIP is past it (SDM vol. 2B, SYSCALL).</summary>
    SystemCall,

    /// <summary><see cref="VCpu.Exception"/> tells which; RIP as the manuals say for a fault or a trap.</summary>
    Exception,

    /// <summary>HLT: nothing to do before the next interrupt. Machine guests only; RIP is past it.</summary>
    Halted,
}

/// <summary>Architectural exception vectors (SDM vol. 3A, table 6-1).</summary>
public enum ExceptionVector : byte
{
    DivideError = 0,
    Debug = 1,
    NonMaskable = 2,
    Breakpoint = 3,
    Overflow = 4,
    BoundRange = 5,
    InvalidOpcode = 6,
    DeviceNotAvailable = 7,
    DoubleFault = 8,
    InvalidTaskState = 10,
    SegmentNotPresent = 11,
    StackFault = 12,
    GeneralProtection = 13,
    PageFault = 14,
    X87FloatingPoint = 16,
    AlignmentCheck = 17,
    MachineCheck = 18,
    SimdFloatingPoint = 19,
}

/// <summary>An exception the guest raised.</summary>
/// <param name="Vector">Which.</param>
/// <param name="ErrorCode">Error code; for a page fault bit 0 = protection, 1 = write, 2 = user, 4 = fetch.</param>
/// <param name="Address">Faulting address of a page fault; otherwise 0. Inside the engine, the non-canonical address behind a #GP.</param>
/// <param name="IsBusError">The page is mapped but its backing is gone (a file mapping past the file's end): SIGBUS on Linux.</param>
public readonly record struct CpuException(ExceptionVector Vector, uint ErrorCode, ulong Address, bool IsBusError = false);
