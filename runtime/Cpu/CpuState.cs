using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Jitvmm.Runtime.Cpu;

/// <summary>
/// The architectural state of one virtual CPU, in unmanaged memory so that generated code and native
/// signal stubs address it by constant offset. One thread owns it while it runs; only
/// <see cref="ExitRequest"/> may be written by others.
/// </summary>
/// <remarks>
/// Status flags are kept decomposed so that each instruction writes only what it computes and dead
/// ones cost nothing: ZF is <c>FlagZ == 0</c>, SF is <c>(long)FlagS &lt; 0</c>, PF is the even parity of
/// the low byte of <c>FlagP</c>, CF and OF are 0 or 1, AF is bit 4 of <c>FlagA</c>.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public unsafe struct CpuState
{
    /// <summary>Bytes of the whole record; a multiple of a cache line.</summary>
    public const int Size = 2304;

    public const int GprOffset = 0;
    public const int RipOffset = 128;
    public const int ZeroOffset = 136;
    public const int FsBaseOffset = 144;
    public const int GsBaseOffset = 152;
    public const int FlagZOffset = 160;
    public const int FlagSOffset = 168;
    public const int FlagPOffset = 176;
    public const int FlagCOffset = 184;
    public const int FlagOOffset = 192;
    public const int FlagAOffset = 200;
    public const int FlagDOffset = 208;
    public const int FlagsSystemOffset = 216;
    public const int ExitRequestOffset = 224;
    public const int CurrentOpOffset = 232;
    public const int FaultAddressOffset = 240;
    public const int PendingVectorOffset = 248;
    public const int InRegionOffset = 252;
    public const int MxcsrOffset = 256;
    public const int ScratchOffset = 264;
    public const int JumpCacheOffset = 272;
    public const int PagesOffset = 280;
    public const int MemoryBaseOffset = 288;
    public const int IdentityOffset = 296;
    public const int SelectorsOffset = 304;
    public const int VectorOffset = 320;
    public const int X87Offset = 832;
    public const int PreparedFromOffset = 1088;
    public const int PreparedToOffset = 1096;
    public const int AddressLimitOffset = 1104;
    public const int SystemOffset = 1152;

    /// <summary>RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8–R15: the encoding order of the manuals.</summary>
    [FieldOffset(GprOffset)] public fixed ulong Gpr[16];

    [FieldOffset(RipOffset)] public ulong Rip;

    /// <summary>Always 0: the register that stands for an absent base or index.</summary>
    [FieldOffset(ZeroOffset)] public ulong Zero;

    [FieldOffset(FsBaseOffset)] public ulong FsBase;
    [FieldOffset(GsBaseOffset)] public ulong GsBase;

    [FieldOffset(FlagZOffset)] public ulong FlagZ;
    [FieldOffset(FlagSOffset)] public ulong FlagS;
    [FieldOffset(FlagPOffset)] public ulong FlagP;
    [FieldOffset(FlagCOffset)] public ulong FlagC;
    [FieldOffset(FlagOOffset)] public ulong FlagO;
    [FieldOffset(FlagAOffset)] public ulong FlagA;

    /// <summary>Direction flag: 0 or 1.</summary>
    [FieldOffset(FlagDOffset)] public ulong FlagD;

    /// <summary>TF, IF, IOPL, NT, RF, AC, VIF, VIP and ID in their RFLAGS positions; the rest are 0.</summary>
    [FieldOffset(FlagsSystemOffset)] public ulong FlagsSystem;

    /// <summary>Not 0 when the vCPU must leave guest code at the next safepoint. Written by any thread.</summary>
    [FieldOffset(ExitRequestOffset)] public volatile int ExitRequest;

    /// <summary>The tier-0 record whose memory access or callout is under way; names the faulting instruction.</summary>
    [FieldOffset(CurrentOpOffset)] public nint CurrentOp;

    /// <summary>Guest address of the latest memory fault (CR2's role).</summary>
    [FieldOffset(FaultAddressOffset)] public ulong FaultAddress;

    /// <summary>Not 0 while a compiled region runs: general registers are then in its locals, not here.</summary>
    [FieldOffset(InRegionOffset)] public int InRegion;

    /// <summary>Vector of the exception a block exit reports.</summary>
    [FieldOffset(PendingVectorOffset)] public int PendingVector;

    [FieldOffset(MxcsrOffset)] public uint Mxcsr;

    /// <summary>Where the instruction that runs alone may store, whatever is there; empty otherwise.</summary>
    [FieldOffset(PreparedFromOffset)] public ulong PreparedFrom;

    /// <summary>The address behind it.</summary>
    [FieldOffset(PreparedToOffset)] public ulong PreparedTo;

    /// <summary>Scratch of single instructions; holds nothing between them.</summary>
    [FieldOffset(ScratchOffset)] public ulong Scratch;

    /// <summary>Direct-mapped cache from guest address to tier-0 record, for computed jumps.</summary>
    [FieldOffset(JumpCacheOffset)] public nint JumpCache;

    /// <summary><see cref="Memory.GuestPages.Pages"/>, for the store checks of generated code.</summary>
    [FieldOffset(PagesOffset)] public byte* Pages;

    /// <summary><see cref="Memory.GuestPages.HostBase"/>.</summary>
    [FieldOffset(MemoryBaseOffset)] public byte* MemoryBase;

    /// <summary>Index of the owning <see cref="Execution.VCpu"/> in its table, for callouts that need the managed object.</summary>
    [FieldOffset(IdentityOffset)] public int Identity;

    /// <summary>First address past a process guest's memory, where compiled code compares with it.</summary>
    [FieldOffset(AddressLimitOffset)] public ulong AddressLimit;

    /// <summary>Segment selectors in encoding order: ES, CS, SS, DS, FS, GS.</summary>
    [FieldOffset(SelectorsOffset)] public fixed ushort Selectors[6];

    /// <summary>What only a machine guest's privileged code sees.</summary>
    [FieldOffset(SystemOffset)] public SystemState System;

    public static int SelectorOffset(int segment) => SelectorsOffset + 2 * segment;

    /// <summary>First byte of YMM0; register n is 32 bytes at <c>VectorOffset + 32 * n</c>, its XMM half low.</summary>
    [FieldOffset(VectorOffset)] public fixed byte Vector[16 * 32];

    [FieldOffset(X87Offset)] public X87State X87;

    /// <summary>XSTATE components in use (XINUSE) are not tracked: XSAVE treats all as in use.</summary>
    public static Vector256<byte>* Ymm(CpuState* cpu, int index) => (Vector256<byte>*)(cpu->Vector + 32 * index);

    public static Vector128<byte>* Xmm(CpuState* cpu, int index) => (Vector128<byte>*)(cpu->Vector + 32 * index);

    /// <summary>RFLAGS as the manuals lay it out (SDM vol. 1, 3.4.3).</summary>
    public ulong ReadFlags()
    {
        ulong flags = FlagsSystem | 2;
        flags |= FlagC & 1;
        flags |= (ulong)(~BitOperations.PopCount(FlagP & 0xff) & 1) << 2;
        flags |= FlagA & 0x10;
        flags |= FlagZ == 0 ? 1ul << 6 : 0;
        flags |= (FlagS >> 63) << 7;
        flags |= (FlagD & 1) << 10;
        flags |= (FlagO & 1) << 11;
        return flags;
    }

    /// <summary>Sets every flag from an RFLAGS image; the caller has masked what may change.</summary>
    public void WriteFlags(ulong flags)
    {
        const ulong Status = 0x8d5 | (1ul << 10) | 2;
        FlagsSystem = flags & ~Status & 0x3f7fd7;
        FlagC = flags & 1;
        FlagP = (flags & 4) != 0 ? 0ul : 1;
        FlagA = flags & 0x10;
        FlagZ = (flags & 0x40) != 0 ? 0ul : 1;
        FlagS = (flags & 0x80) << 56;
        FlagD = (flags >> 10) & 1;
        FlagO = (flags >> 11) & 1;
    }
}

/// <summary>The x87 unit: eight physical registers, each an 80-bit value in 16 bytes, addressed relative to <see cref="Top"/>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 192)]
public unsafe struct X87State
{
    /// <summary>Physical register i at 16 * i: significand in the low 8 bytes, sign and exponent in the next 2. MMn is the significand of register n.</summary>
    [FieldOffset(0)] public fixed byte Registers[128];

    public const int StatusWordOffset = 130;
    public const int ValidMaskOffset = 132;
    public const int TopOffset = 136;

    [FieldOffset(128)] public ushort ControlWord;

    /// <summary>Status word without TOP, which <see cref="Top"/> holds.</summary>
    [FieldOffset(StatusWordOffset)] public ushort StatusWord;

    /// <summary>Abridged tags: bit i set when physical register i is not empty (the FXSAVE form).</summary>
    [FieldOffset(ValidMaskOffset)] public byte ValidMask;

    [FieldOffset(134)] public ushort Opcode;
    [FieldOffset(TopOffset)] public int Top;
    [FieldOffset(144)] public ulong InstructionPointer;
    [FieldOffset(152)] public ulong DataPointer;

    /// <summary>CS of the last non-control instruction, as FNSTENV's protected-mode formats show it.</summary>
    [FieldOffset(160)] public ushort CodeSelector;

    /// <summary>The segment of its memory operand.</summary>
    [FieldOffset(162)] public ushort DataSelector;
}
