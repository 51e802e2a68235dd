using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Callouts;

/// <summary>
/// Linear memory as privileged operations access it. An access either completes or raises the page fault with nothing written.
/// <c>supervisor</c> marks the implicit accesses to descriptor tables, task state and inner stacks, which have supervisor rights at any CPL (SDM vol. 3A, 4.6.1).
/// </summary>
public static unsafe class SystemMemory
{
    public static byte Read8(CpuState* cpu, ulong linear, bool supervisor) => (byte)PagedMemory.Read(cpu, linear, 1, supervisor);

    public static ushort Read16(CpuState* cpu, ulong linear, bool supervisor) => (ushort)PagedMemory.Read(cpu, linear, 2, supervisor);

    public static uint Read32(CpuState* cpu, ulong linear, bool supervisor) => (uint)PagedMemory.Read(cpu, linear, 4, supervisor);

    public static ulong Read64(CpuState* cpu, ulong linear, bool supervisor) => PagedMemory.Read(cpu, linear, 8, supervisor);

    public static void Write8(CpuState* cpu, ulong linear, byte value, bool supervisor) => PagedMemory.Write(cpu, linear, 1, value, supervisor);

    public static void Write16(CpuState* cpu, ulong linear, ushort value, bool supervisor) => PagedMemory.Write(cpu, linear, 2, value, supervisor);

    public static void Write32(CpuState* cpu, ulong linear, uint value, bool supervisor) => PagedMemory.Write(cpu, linear, 4, value, supervisor);

    public static void Write64(CpuState* cpu, ulong linear, ulong value, bool supervisor) => PagedMemory.Write(cpu, linear, 8, value, supervisor);

    /// <summary>Raises the page fault that writing any of the bytes would.</summary>
    public static void CheckWrite(CpuState* cpu, ulong linear, int length, bool supervisor)
    {
        ulong end = linear + (uint)length;
        for (ulong at = linear; at != end;)
        {
            ulong inPage = Math.Min(end - at, (ulong)GuestPages.BytesInPage(at));
            PagedMemory.Pointer(cpu, at, (int)inPage, true, supervisor);
            at += inPage;
        }
    }

    /// <summary>Host address of bytes that lie in one page of RAM, writable; null otherwise, and the caller writes each by itself.</summary>
    public static byte* Frame(CpuState* cpu, ulong linear, int length, bool supervisor) =>
        PagedMemory.Crosses(linear, length) ? null : PagedMemory.Pointer(cpu, linear, length, true, supervisor);
}
