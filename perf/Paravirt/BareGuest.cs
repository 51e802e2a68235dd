using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Perf.Paravirt;

/// <summary>A guest of nothing but loops, which sends what each took out of the debug port.</summary>
internal static class BareGuest
{
    private const int Iterations = 1_000_000;
    private const int Samples = 5;

    /// <summary>While the guest runs a loop for that long, tier 1 compiles it.</summary>
    private const int WarmUpNs = 500_000_000;

    private const int DebugPort = 0xe9;
    private const int EndPort = 0xf4;

    // Where the guest places the hypercall page, and what it needs beside it.
    private const uint HypercallPage = 0x2000000;
    private const ulong PagePointer = 0x2001000;
    private const ulong Stack = 0x2003000;

    // Xen's page has an entry for each call (xen/include/public/xen.h).
    private const uint XenEntryLength = 32;
    private const uint XenVersion = 17;
    private const uint XenUnknown = 99;

    /// <summary>Loops that every guest has.</summary>
    private static readonly (string Name, Action<Assembler> Body)[] s_common =
    [
        ("empty loop", static _ => { }),
        ("port write, nobody there", static asm => asm.@out(0x80, al)),
        ("port read, a timer", static asm => asm.@in(al, 0x61)),
        ("cpuid", static asm =>
        {
            asm.xor(eax, eax);
            asm.cpuid();
        }),
        ("rdtsc", static asm => asm.rdtsc()),
    ];

    /// <summary>Hypercalls that do nothing, or say what is known beforehand.</summary>
    private static (string Name, Action<Assembler> Body)[] CallsOf(HypervisorKind kind) => kind switch
    {
        HypervisorKind.Kvm =>
        [
            ("null hypercall", static asm => Vmcall(asm, static a => a.mov(eax, 1))),
            ("null hypercall, number not fixed", static asm => Vmcall(asm, static a => a.mov(eax, r12d))),
            ("unknown hypercall", static asm => Vmcall(asm, static a => a.mov(eax, 999))),
        ],
        HypervisorKind.Hyperv =>
        [
            ("null hypercall", static asm => CallPage(asm, static a => a.mov(ecx, 1))),
            ("null hypercall, number not fixed", static asm => CallPage(asm, static a => a.mov(ecx, r12d))),
            ("interrupt to no processor", static asm => CallPage(asm, static a =>
            {
                a.mov(ecx, 0x1000b);
                a.mov(edx, 0x30);
                a.xor(r8d, r8d);
            })),
        ],
        HypervisorKind.Xen =>
        [
            ("null hypercall", static asm => CallPage(asm, static a => a.xor(edi, edi))),
            ("unknown hypercall", static asm => asm.call(__qword_ptr[PagePointer + sizeof(ulong)])),
            ("null hypercall, outside the page", static asm => Vmcall(asm, static a =>
            {
                a.mov(eax, XenVersion);
                a.xor(edi, edi);
            })),
        ],
        HypervisorKind.Vmware =>
        [
            ("null hypercall", static asm => GiveCommand(asm, 10)),
            ("unknown hypercall", static asm => GiveCommand(asm, 11)),
            ("the same by the port", static asm =>
            {
                asm.mov(eax, 0x564d5868);
                asm.mov(ecx, 11);
                asm.mov(edx, 0x5658);
                asm.@in(eax, dx);
            }),
        ],
        _ => [],
    };

    public static bool HasCalls(HypervisorKind kind) => CallsOf(kind).Length > 0;

    private static (string Name, Action<Assembler> Body)[] LoopsOf(HypervisorKind kind) => [.. s_common, .. CallsOf(kind)];

    private static void Vmcall(Assembler asm, Action<Assembler> prepare)
    {
        prepare(asm);
        asm.vmcall();
    }

    private static void CallPage(Assembler asm, Action<Assembler> prepare)
    {
        prepare(asm);
        asm.call(__qword_ptr[PagePointer]);
    }

    private static void GiveCommand(Assembler asm, uint command)
    {
        asm.mov(eax, 0x564d5868);
        asm.mov(ecx, command);
        asm.xor(edx, edx);
        asm.vmcall();
    }

    /// <summary>Runs it: nanoseconds an iteration by the guest's clock, medians, in the order of the loops.</summary>
    public static IReadOnlyList<(string Name, double Nanoseconds)> Run(MachineHypervisor hypervisor)
    {
        (string Name, Action<Assembler> Body)[] loops = LoopsOf(hypervisor.Kind);
        string kernel = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(kernel, Assemble(hypervisor.Kind, loops));
            using var guest = new MachineGuest(new MachineGuestOptions { Kernel = kernel, Memory = 64ul << 20, Reboots = false, Hypervisor = hypervisor });
            var bytes = new List<byte>();
            var reader = new Thread(() => Collect(guest, bytes));
            reader.Start();
            _ = guest.Run();
            reader.Join();
            return [.. loops.Select((loop, index) => (loop.Name, MedianOf(bytes, index)))];
        }
        finally
        {
            File.Delete(kernel);
        }
    }

    private static void Collect(MachineGuest guest, List<byte> bytes)
    {
        byte[] buffer = new byte[256];
        for (int count = guest.DebugOutput.Read(buffer); count > 0; count = guest.DebugOutput.Read(buffer))
        {
            bytes.AddRange(buffer.AsSpan(0, count));
        }
    }

    private static double MedianOf(List<byte> bytes, int loop)
    {
        double[] samples = new double[Samples];
        for (int i = 0; i < samples.Length; i++)
        {
            int at = sizeof(ulong) * ((loop * Samples) + i);
            samples[i] = (double)BinaryPrimitives.ReadUInt64LittleEndian([.. bytes.GetRange(at, sizeof(ulong))]) / Iterations;
        }

        Array.Sort(samples);
        return samples[samples.Length / 2];
    }

    /// <summary>A Linux image: its 64-bit entry is 200h bytes into what lies behind the set-up sectors (Linux/x86 boot protocol).</summary>
    private static byte[] Assemble(HypervisorKind kind, (string Name, Action<Assembler> Body)[] loops)
    {
        const int SetUp = 2 * 512;
        const int Entry = 0x200;
        const ulong LoadAddress = 0x1000000;
        Assembler asm = new(64);
        asm.mov(rsp, Stack);
        asm.mov(r12d, 1);
        switch (kind)
        {
            case HypervisorKind.Hyperv:
                EmitHypercallPage(asm, (0x40000000u, 0x81000000u, 0u), (0x40000001u, 0u, HypercallPage | 1u));
                EmitPointer(asm, PagePointer, HypercallPage);
                break;
            case HypervisorKind.Xen:
                EmitHypercallPage(asm, (0x40000000u, 0u, HypercallPage));
                EmitPointer(asm, PagePointer, HypercallPage + (XenVersion * XenEntryLength));
                EmitPointer(asm, PagePointer + sizeof(ulong), HypercallPage + (XenUnknown * XenEntryLength));
                break;
        }

        foreach ((_, Action<Assembler> body) in loops)
        {
            EmitLoop(asm, body);
        }

        asm.xor(eax, eax);
        asm.mov(edx, EndPort);
        asm.@out(dx, al);
        asm.hlt();
        using MemoryStream code = new();
        asm.Assemble(new StreamCodeWriter(code), LoadAddress + Entry);
        byte[] file = new byte[SetUp + Entry + code.Length];
        file[0x1f1] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x1fe), 0xaa55);
        file[0x201] = 0x6a;
        "HdrS"u8.CopyTo(file.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x206), 0x20f);
        file[0x211] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x22c), int.MaxValue);
        file[0x236] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x238), 2047);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(0x258), LoadAddress);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x260), 0x100000);
        code.ToArray().CopyTo(file, SetUp + Entry);
        return file;
    }

    /// <summary>Writes registers by which a guest says who it is, and places the page.</summary>
    private static void EmitHypercallPage(Assembler asm, params ReadOnlySpan<(uint Register, uint High, uint Low)> registers)
    {
        foreach ((uint register, uint high, uint low) in registers)
        {
            asm.mov(ecx, register);
            asm.mov(edx, high);
            asm.mov(eax, low);
            asm.wrmsr();
        }
    }

    private static void EmitPointer(Assembler asm, ulong at, uint target)
    {
        asm.mov(eax, target);
        asm.mov(__qword_ptr[at], rax);
    }

    private static void EmitLoop(Assembler asm, Action<Assembler> body)
    {
        Label sample = asm.CreateLabel();
        Label loop = asm.CreateLabel();
        Label send = asm.CreateLabel();
        asm.mov(r13d, Samples);
        EmitTime(asm);
        asm.lea(r15, __[rax + WarmUpNs]);
        asm.Label(ref sample);
        EmitTime(asm);
        asm.mov(r14, rax);
        asm.mov(ebp, Iterations);
        asm.Label(ref loop);
        body(asm);
        asm.dec(ebp);
        asm.jnz(loop);
        EmitTime(asm);
        asm.cmp(r14, r15);
        asm.jb(sample);
        asm.sub(rax, r14);
        asm.mov(edx, DebugPort);
        asm.mov(ecx, sizeof(ulong));
        asm.Label(ref send);
        asm.@out(dx, al);
        asm.shr(rax, 8);
        asm.dec(ecx);
        asm.jnz(send);
        asm.dec(r13d);
        asm.jnz(sample);
    }

    /// <summary>RAX: the time-stamp counter, which has 1 GHz.</summary>
    private static void EmitTime(Assembler asm)
    {
        asm.rdtsc();
        asm.shl(rdx, 32);
        asm.or(rax, rdx);
    }
}
