using System.Buffers.Binary;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>Xen's interface to guests with page tables of their own, HVM and PVH (xen/include/public/).</summary>
public sealed class XenInterface : ParavirtualInterface
{
    private const uint VersionLeaf = FirstLeaf + 1;
    private const uint HypercallLeaf = FirstLeaf + 2;
    private const uint HvmLeaf = FirstLeaf + 4;

    // arch-x86/cpuid.h, leaf 4 EAX.
    private const uint HasVcpuId = 1u << 3;
    private const uint HasDomainId = 1u << 4;
    private const uint HasUpcallVector = 1u << 6;

    /// <summary>A page has room for as many entries of 32 bytes (xen.h, "Hypercalls are issued by calling into the hypercall page").</summary>
    private const int Entries = 128;
    private const int EntryLength = 32;

    private XenDomain? _domain;

    public XenInterface(XenFeatures features = XenFeatures.All)
        : base(XenHypercalls.NumberRegister, uint.MaxValue)
    {
        Features = features;
        Sites.Page = new HypercallPage(PageCode(), EntryLength);
    }

    public override string Name => "xen";

    public XenFeatures Features { get; }

    public override bool HidesInvariantTimeStamp => Has(XenFeatures.Clock);

    /// <summary>The guest, for back ends.</summary>
    /// <exception cref="InvalidOperationException">It has no processor yet.</exception>
    public IXenDomain Domain => _domain ?? throw new InvalidOperationException("a domain begins with its first processor");

    /// <summary>The signature, in EBX, ECX and EDX, is "XenVMMXenVMM".</summary>
    public override CpuidLeaf QueryCpuid(uint leaf) => leaf switch
    {
        FirstLeaf => new CpuidLeaf(HvmLeaf, 0x566e6558, 0x65584d4d, 0x4d4d566e),
        VersionLeaf => new CpuidLeaf((XenVersionCalls.Major << 16) | XenVersionCalls.Minor, 0, 0, 0),
        HypercallLeaf => Has(XenFeatures.HypercallPage) ? new CpuidLeaf(1, XenCpu.HypercallRegister, 0, 0) : default,
        _ => default,
    };

    public override CpuidLeaf QueryCpuid(uint leaf, uint processor) => leaf == HvmLeaf
        ? new CpuidLeaf(HasVcpuId | HasDomainId | (Has(XenFeatures.UpcallVector) ? HasUpcallVector : 0), processor, XenDomain.Id, 0)
        : QueryCpuid(leaf);

    public override ParavirtualCpu CreateCpu(IParavirtualHost host)
    {
        _domain ??= new XenDomain(Features, Sites.Page!, host.Memory);
        return _domain.Add(new XenCpu(this, _domain, host));
    }

    public override HypercallBody? BodyOf(ulong? number) => XenHypercalls.BodyOf(Features, number);

    public override string NameOf(ulong number) => XenHypercalls.NameOf(number);

    private bool Has(XenFeatures feature) => (Features & feature) != 0;

    /// <summary>MOV EAX, number; VMCALL; RET; and INT3, which is no entry.</summary>
    private static byte[] PageCode()
    {
        byte[] code = new byte[GuestPages.PageSize];
        code.AsSpan().Fill(HypercallPage.NoEntry);
        for (int number = 0; number < Entries; number++)
        {
            Span<byte> entry = code.AsSpan(number * EntryLength, EntryLength);
            entry[0] = 0xb8;
            BinaryPrimitives.WriteInt32LittleEndian(entry[1..], number);
            ((ReadOnlySpan<byte>)[0x0f, 0x01, 0xc1, 0xc3]).CopyTo(entry[5..]);
        }

        return code;
    }
}
