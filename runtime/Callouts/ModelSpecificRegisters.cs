using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>
/// RDMSR and WRMSR (SDM vol. 4): the registers of the processor itself. What is not here is asked of the platform; what nobody knows raises #GP, as guests
/// that probe expect.
/// </summary>
public static unsafe class ModelSpecificRegisters
{
    private const uint PlatformId = 0x17;
    private const uint PowerOn = 0x2a;
    private const uint TimeStampCounter = 0x10;
    private const uint FeatureControl = 0x3a;
    private const uint TscAdjust = 0x3b;
    private const uint BiosSignature = 0x8b;
    private const uint PlatformInfo = 0xce;
    private const uint MtrrCapabilities = 0xfe;
    private const uint ArchitectureCapabilities = 0x10a;
    private const uint SysenterCs = 0x174;
    private const uint SysenterEsp = 0x175;
    private const uint SysenterEip = 0x176;
    private const uint MachineCheckCapabilities = 0x179;
    private const uint MachineCheckStatus = 0x17a;
    private const uint MiscellaneousEnable = 0x1a0;
    private const uint DebugControl = 0x1d9;
    private const uint PageAttributes = 0x277;
    private const uint ExtendedFeatures = 0xc0000080;
    private const uint Star = 0xc0000081;
    private const uint LongStar = 0xc0000082;
    private const uint CompatibilityStar = 0xc0000083;
    private const uint SyscallMask = 0xc0000084;
    private const uint FsBase = 0xc0000100;
    private const uint GsBase = 0xc0000101;
    private const uint KernelGsBase = 0xc0000102;
    private const uint TscAux = 0xc0000103;

    /// <summary>A microcode revision: none of those that operating systems refuse.</summary>
    private const ulong MicrocodeRevision = 0x49ul << 32;

    /// <summary>Locked, with nothing enabled.</summary>
    private const ulong FeatureControlLocked = 1;

    /// <summary>
    /// The speculation flaws this processor does not have (SDM vol. 4, IA32_ARCH_CAPABILITIES): RDCL, L1TF, SSB, MDS, page-size change, TAA,
    /// SBDR, FBSDP, PSDP, branch history, GDS, RFDS. There is no speculation.
    /// </summary>
    private const ulong Immunities = (1ul << 0) | (1ul << 3) | (1ul << 4) | (1ul << 5) | (1ul << 6) | (1ul << 8) | (1ul << 13) | (1ul << 14)
        | (1ul << 15) | (1ul << 20) | (1ul << 26) | (1ul << 27);

    /// <summary>Fast strings, no branch trace, no precise event sampling.</summary>
    private const ulong MiscellaneousFixed = 0x1801;

    private const ulong MiscellaneousWritable = (1ul << 0) | (1ul << 3) | (1ul << 16) | (1ul << 18) | (1ul << 22) | (1ul << 23) | (1ul << 34);
    private const ulong DebugControlWritable = 3;

    [TouchesRegisters]
    public static void Read(CpuState* cpu)
    {
        uint index = (uint)cpu->Gpr[1];
        if (cpu->System.Cpl != 0 || !TryRead(cpu, index, out ulong value))
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
            return;
        }

        cpu->Gpr[0] = (uint)value;
        cpu->Gpr[2] = value >> 32;
    }

    [TouchesRegisters]
    public static void Write(CpuState* cpu)
    {
        ulong value = (cpu->Gpr[2] << 32) | (uint)cpu->Gpr[0];
        if (cpu->System.Cpl != 0 || !TryWrite(cpu, (uint)cpu->Gpr[1], value))
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }
    }

    /// <summary>Reads a register whatever CPL is. False: there is none of that number.</summary>
    public static bool TryRead(CpuState* cpu, uint index, out ulong value)
    {
        bool exists = true;
        switch (index)
        {
            case TimeStampCounter:
                value = SystemSemantics.TimeStamp(cpu);
                break;
            case PlatformId or PowerOn or PlatformInfo or MachineCheckCapabilities or MachineCheckStatus:
                value = 0;
                break;
            case FeatureControl:
                value = FeatureControlLocked;
                break;
            case TscAdjust:
                value = cpu->System.TscAdjust;
                exists = HasTscAdjust(cpu);
                break;
            case BiosSignature:
                value = MicrocodeRevision;
                break;
            case MtrrCapabilities:
                value = MemoryTypeRanges.Capabilities;
                break;
            case ArchitectureCapabilities:
                value = Immunities;
                exists = (MachineCpu.Of(cpu).Platform.QueryCpuid(7, 0).Edx >> 29 & 1) != 0;
                break;
            case MiscellaneousEnable:
                value = cpu->System.MiscellaneousEnable | MiscellaneousFixed;
                break;
            case DebugControl:
                value = cpu->System.DebugControl;
                break;
            case PageAttributes:
                value = cpu->System.PageAttributes;
                break;
            default:
                exists = TryReadSystemCall(cpu, index, out value) || MemoryTypeRanges.TryRead(cpu, index, out value)
                    || MachineCpu.Of(cpu).Platform.TryReadMsr(index, out value);
                break;
        }

        return exists;
    }

    /// <summary>Writes a register whatever CPL is. False: there is none of that number, or the value is not allowed.</summary>
    public static bool TryWrite(CpuState* cpu, uint index, ulong value)
    {
        switch (index)
        {
            case TimeStampCounter:
                SetTimeStamp(cpu, value);
                return true;
            case TscAdjust:
                cpu->System.TscOffset += value - cpu->System.TscAdjust;
                cpu->System.TscAdjust = value;
                MachineCpu.Of(cpu).Platform.Paravirtual?.TimeStampMoved();
                return HasTscAdjust(cpu);
            case BiosSignature or PlatformInfo or MachineCheckStatus:
                return true;
            case MiscellaneousEnable:
                cpu->System.MiscellaneousEnable = value & MiscellaneousWritable;
                return true;
            case DebugControl:
                cpu->System.DebugControl = value & DebugControlWritable;
                return (value & ~DebugControlWritable) == 0;
            case PageAttributes:
                return TryWritePageAttributes(cpu, value);
            case ExtendedFeatures:
                return TryWriteExtendedFeatures(cpu, value);
            default:
                return TryWriteSystemCall(cpu, index, value) || MemoryTypeRanges.TryWrite(cpu, index, value)
                    || MachineCpu.Of(cpu).Platform.TryWriteMsr(index, value);
        }
    }

    private static bool TryReadSystemCall(CpuState* cpu, uint index, out ulong value)
    {
        switch (index)
        {
            case ExtendedFeatures:
                value = cpu->System.Efer;
                return true;
            case Star:
                value = cpu->System.Star;
                return true;
            case LongStar:
                value = cpu->System.LongStar;
                return true;
            case CompatibilityStar:
                value = cpu->System.CompatibilityStar;
                return true;
            case SyscallMask:
                value = cpu->System.SyscallMask;
                return true;
            case FsBase:
                value = cpu->FsBase;
                return true;
            case GsBase:
                value = cpu->GsBase;
                return true;
            case KernelGsBase:
                value = cpu->System.KernelGsBase;
                return true;
            case TscAux:
                value = cpu->System.TscAux;
                return true;
            case SysenterCs:
                value = cpu->System.SysenterCs;
                return true;
            case SysenterEsp:
                value = cpu->System.SysenterEsp;
                return true;
            case SysenterEip:
                value = cpu->System.SysenterEip;
                return true;
            default:
                value = 0;
                return false;
        }
    }

    private static bool TryWriteSystemCall(CpuState* cpu, uint index, ulong value)
    {
        switch (index)
        {
            case Star:
                cpu->System.Star = value;
                return true;
            case LongStar:
                return TrySetAddress(ref cpu->System.LongStar, value);
            case CompatibilityStar:
                return TrySetAddress(ref cpu->System.CompatibilityStar, value);
            case SyscallMask:
                cpu->System.SyscallMask = (uint)value;
                return value >> 32 == 0;
            case FsBase:
                return TrySetAddress(ref cpu->FsBase, value);
            case GsBase:
                return TrySetAddress(ref cpu->GsBase, value);
            case KernelGsBase:
                return TrySetAddress(ref cpu->System.KernelGsBase, value);
            case TscAux when value >> 32 == 0:
                cpu->System.TscAux = value;
                return true;
            case SysenterCs:
                cpu->System.SysenterCs = (uint)value;
                return true;
            case SysenterEsp:
                return TrySetAddress(ref cpu->System.SysenterEsp, value);
            case SysenterEip:
                return TrySetAddress(ref cpu->System.SysenterEip, value);
            default:
                return false;
        }
    }

    private static bool TrySetAddress(ref ulong register, ulong value)
    {
        if (SystemSemantics.IsNonCanonical(value))
        {
            return false;
        }

        register = value;
        return true;
    }

    /// <summary>A written counter moves the adjustment with it (SDM vol. 3B, 17.17.3).</summary>
    private static void SetTimeStamp(CpuState* cpu, ulong value)
    {
        ulong change = value - SystemSemantics.TimeStamp(cpu);
        cpu->System.TscOffset += change;
        cpu->System.TscAdjust += change;
        MachineCpu.Of(cpu).Platform.Paravirtual?.TimeStampMoved();
    }

    private static bool HasTscAdjust(CpuState* cpu) => (MachineCpu.Of(cpu).Platform.QueryCpuid(7, 0).Ebx >> 1 & 1) != 0;

    private static bool TryWritePageAttributes(CpuState* cpu, ulong value)
    {
        for (int entry = 0; entry < 64; entry += 8)
        {
            if ((value >> entry & 0xff) is 2 or 3 or > 7)
            {
                return false;
            }
        }

        cpu->System.PageAttributes = value;
        return true;
    }

    private static bool TryWriteExtendedFeatures(CpuState* cpu, ulong value)
    {
        const ulong Writable = Efer.SyscallEnable | Efer.LongModeEnable | Efer.NoExecuteEnable;
        ulong old = cpu->System.Efer;
        bool isPaged = (cpu->System.Cr0 & Cr0.Paging) != 0;
        if ((value & ~(Writable | Efer.LongModeActive)) != 0 || (isPaged && ((old ^ value) & Efer.LongModeEnable) != 0))
        {
            return false;
        }

        cpu->System.Efer = (value & Writable) | (old & Efer.LongModeActive);
        if (((old ^ value) & Efer.NoExecuteEnable) != 0)
        {
            SoftTlb.FlushAll(cpu);
        }

        CpuMode.Changed(cpu);
        return true;
    }
}
