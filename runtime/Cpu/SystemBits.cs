namespace Jitvmm.Runtime.Cpu;

/// <summary>Bits of CR0 (SDM vol. 3A, 2.5).</summary>
public static class Cr0
{
    public const ulong ProtectionEnable = 1ul << 0;
    public const ulong MonitorCoprocessor = 1ul << 1;
    public const ulong Emulation = 1ul << 2;
    public const ulong TaskSwitched = 1ul << 3;
    public const ulong ExtensionType = 1ul << 4;
    public const ulong NumericError = 1ul << 5;
    public const ulong WriteProtect = 1ul << 16;
    public const ulong AlignmentMask = 1ul << 18;
    public const ulong NotWriteThrough = 1ul << 29;
    public const ulong CacheDisable = 1ul << 30;
    public const ulong Paging = 1ul << 31;
}

/// <summary>Bits of CR4 (SDM vol. 3A, 2.5).</summary>
public static class Cr4
{
    public const ulong VirtualExtensions = 1ul << 0;
    public const ulong ProtectedVirtualInterrupts = 1ul << 1;
    public const ulong TimeStampDisable = 1ul << 2;
    public const ulong DebuggingExtensions = 1ul << 3;
    public const ulong PageSizeExtensions = 1ul << 4;
    public const ulong PhysicalAddressExtension = 1ul << 5;
    public const ulong MachineCheck = 1ul << 6;
    public const ulong PageGlobal = 1ul << 7;
    public const ulong PerformanceCounters = 1ul << 8;
    public const ulong Fxsave = 1ul << 9;
    public const ulong SimdExceptions = 1ul << 10;
    public const ulong UserModeInstructionPrevention = 1ul << 11;
    public const ulong FsGsBase = 1ul << 16;
    public const ulong ProcessContext = 1ul << 17;
    public const ulong Xsave = 1ul << 18;
    public const ulong SupervisorExecutionPrevention = 1ul << 20;
    public const ulong SupervisorAccessPrevention = 1ul << 21;
}

/// <summary>Bits of the extended feature enable register (SDM vol. 3A, 2.2.1).</summary>
public static class Efer
{
    public const ulong SyscallEnable = 1ul << 0;
    public const ulong LongModeEnable = 1ul << 8;
    public const ulong LongModeActive = 1ul << 10;
    public const ulong NoExecuteEnable = 1ul << 11;
}

/// <summary>The bits of RFLAGS that are not status flags (SDM vol. 1, 3.4.3).</summary>
public static class SystemFlags
{
    public const ulong Trap = 1ul << 8;
    public const ulong Interrupt = 1ul << 9;
    public const ulong Direction = 1ul << 10;
    public const ulong PrivilegeLevel = 3ul << 12;
    public const ulong NestedTask = 1ul << 14;
    public const ulong Resume = 1ul << 16;
    public const ulong Virtual8086 = 1ul << 17;
    public const ulong AlignmentCheck = 1ul << 18;
    public const ulong VirtualInterrupt = 1ul << 19;
    public const ulong VirtualInterruptPending = 1ul << 20;
    public const ulong Identification = 1ul << 21;

    /// <summary>CF, PF, AF, ZF, SF and OF.</summary>
    public const ulong Status = 0x8d5;
}
