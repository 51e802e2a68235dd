using System.Net;
using System.Text.RegularExpressions;
using Jitvmm.Tests.Guests;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Jitvmm.Tests.Inspector.Web;

/// <summary>The page of <c>jitvmm inspect</c> in a browser.</summary>
[Trait("Program", "Guest")]
public sealed class InspectPageTests(Browser browser) : IClassFixture<Browser>, IDisposable
{
    private const int Times = 123_457;

    private readonly CacheRun _run = new();

    public void Dispose() => _run.Dispose();

    [ToolFact("chromium")]
    public async Task The_address_is_good_for_one_browser()
    {
        using InspectServer server = new(HotLoop());
        IPage page = await browser.NewPageAsync();
        await page.GotoAsync(server.Address);
        Assert.DoesNotContain("token", page.Url, StringComparison.Ordinal);
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();
        await page.ReloadAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();
        IPage other = await browser.NewPageAsync();
        Assert.Equal(403, (await other.GotoAsync(server.Address))!.Status);
        await Browser.PictureAsync(page, "file-overview");
    }

    [Fact]
    public async Task Strangers_get_nothing()
    {
        using InspectServer server = new(HotLoop());
        using HttpClient client = new(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false });
        Assert.Equal(HttpStatusCode.Forbidden, (await client.GetAsync(server.Root + "/")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.GetAsync(server.Root + "/data/overview?token=0000")).StatusCode);
        using HttpRequestMessage renamed = new(HttpMethod.Get, server.Address) { Headers = { Host = "rebound.example" } };
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await client.SendAsync(renamed)).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await client.PostAsync(server.Address, null)).StatusCode);
        HttpResponseMessage first = await client.GetAsync(server.Address);
        Assert.Equal(HttpStatusCode.Redirect, first.StatusCode);
        string cookie = Assert.Single(first.Headers.GetValues("Set-Cookie"));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.GetAsync(server.Address)).StatusCode);
    }

    [ToolFact("chromium")]
    public async Task A_region_is_found_and_shown_in_every_form()
    {
        using InspectServer server = new(HotLoop());
        IPage page = await browser.NewPageAsync();
        await page.GotoAsync(server.Address);
        await SearchAndOpenAsync(page);
        await Browser.PictureAsync(page, "region-light");
    }

    [ToolFact("chromium")]
    public async Task All_works_by_keyboard()
    {
        using InspectServer server = new(HotLoop());
        IPage page = await browser.NewPageAsync(ColorScheme.Dark);
        await page.GotoAsync(server.Address);
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Tab");
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Skip to the content" })).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("main")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("/");
        await Expect(page.GetByLabel("Address or symbol")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("hot_lo");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Blocks found for “hot_lo”" })).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Tab");
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "401007" })).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "hot_loop" })).ToBeVisibleAsync();

        // The columns are switched and the listing scrolled without a mouse, too.
        await page.Keyboard.PressAsync("Tab");
        await Expect(page.GetByLabel("IR")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Space");
        await Expect(page.Locator("td.column-ir").First).ToBeHiddenAsync();
        await Browser.PictureAsync(page, "region-dark");
    }

    [ToolFact("chromium")]
    public async Task A_running_guest_is_followed_to_its_end()
    {
        using LiveGuest guest = new(_run.Write("spin", TinyProgram.Endless()));
        using InspectServer server = new("--attach", guest.Word, "--interval", "0.2");
        IPage page = await browser.NewPageAsync();
        await page.GotoAsync(server.Address);
        await Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync("running");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Tier residency" })).ToBeVisibleAsync();
        string before = (await page.Locator("main").GetAttributeAsync("data-recorded-ms"))!;
        await Expect(page.Locator("main")).Not.ToHaveAttributeAsync("data-recorded-ms", before);
        await Expect(page.GetByRole(AriaRole.Row, new() { NameRegex = new Regex("9[0-9]|100.*spin") }).First).ToBeVisibleAsync();
        await Browser.PictureAsync(page, "live-overview");
        guest.Kill();
        await Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync($"the guest in process {guest.Id} has ended");
    }

    [ToolFact("chromium")]
    public async Task A_saved_page_needs_no_server()
    {
        string report = _run.PathOf("report.html");
        (int status, string output, string errors) = _run.Run("inspect", HotLoop(), "--save", report);
        Assert.True((status, output, errors) == (0, "", ""), errors);
        IPage page = await browser.NewPageAsync();
        var requested = new List<string>();
        page.Request += (_, request) => requested.Add(request.Url);
        await page.GotoAsync("file://" + report);
        await Expect(page.GetByRole(AriaRole.Status).First).ToHaveTextAsync("saved page");
        await SearchAndOpenAsync(page);
        await page.GetByRole(AriaRole.Link, new() { Name = "Invalidations" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Invalidations" })).ToBeVisibleAsync();
        Assert.All(requested, url => Assert.StartsWith("file://" + report, url, StringComparison.Ordinal));
    }

    [ToolFact("chromium")]
    public async Task Names_are_text_whatever_they_say()
    {
        const string Name = "</script><img/src=x/onerror=alert(1)>";
        File.WriteAllText(_run.PathOf("map"), $"0000000000401007 T {Name}\n");
        string report = _run.PathOf("report.html");
        (int status, _, string errors) = _run.Run("inspect", HotLoop(), "--symbols", _run.PathOf("map"), "--save", report);
        Assert.True(status == 0, errors);
        IPage page = await browser.NewPageAsync();
        page.Dialog += (_, _) => Assert.Fail("a name was executed");
        await page.GotoAsync("file://" + report + "#/region/0x401007");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = Name })).ToBeVisibleAsync();
        Assert.Equal(0, await page.Locator("img").CountAsync());
    }

    [ToolFact("chromium")]
    public async Task Invalidations_are_drawn_over_time()
    {
        string file = _run.Record("self", "--tier", "1", _run.Write("self", TinyProgram.SelfModifying(50)));
        using InspectServer server = new(file);
        IPage page = await browser.NewPageAsync();
        await page.GotoAsync(server.Address);
        await page.GetByRole(AriaRole.Link, new() { Name = "Invalidations" }).ClickAsync();
        await Expect(page.GetByText("49 translations were thrown away")).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Cell, new() { Name = "writer", Exact = true }).First).ToBeVisibleAsync();
        await Browser.PictureAsync(page, "invalidations");
    }

    [ToolFact("chromium")]
    public async Task What_a_screen_reader_needs_is_there()
    {
        using InspectServer server = new(HotLoop());
        IPage page = await browser.NewPageAsync();
        await page.GotoAsync(server.Address);
        foreach (string view in (string[])["overview", "blocks", "region/0x401007", "invalidations"])
        {
            await page.EvaluateAsync("view => { location.hash = '#/' + view; }", view);
            await Expect(page.Locator("main h2")).ToHaveCountAsync(1);
            string[] problems = await page.EvaluateAsync<string[]>(
                """
                () => [
                  ...[...document.querySelectorAll("table")].filter(each => !each.caption?.textContent).map(() => "a table without a caption"),
                  ...[...document.querySelectorAll("th")].filter(each => each.scope !== "col").map(each => "a title without scope: " + each.textContent),
                  ...[...document.querySelectorAll("main svg:not([aria-hidden]):not([aria-hidden] svg)")].filter(each => !each.getAttribute("role") || !each.getAttribute("aria-label")).map(each => "a picture without a name: " + each.outerHTML.slice(0, 80)),
                  ...[...document.querySelectorAll("input")].filter(each => each.labels.length === 0).map(each => "an input without a label: " + each.id),
                  ...[...document.querySelectorAll("a, button")].filter(each => !each.textContent && !each.getAttribute("aria-label")).map(() => "a link without a name"),
                  ...(document.documentElement.lang === "en" ? [] : ["no language"]),
                ]
                """);
            Assert.Equal([], problems);
        }
    }

    private string HotLoop() => _run.Record("cache", "--tier", "1", _run.Write("hot", TinyProgram.HotLoop(Times)));

    private static async Task SearchAndOpenAsync(IPage page)
    {
        await page.GetByLabel("Address or symbol").FillAsync("hot_loop");
        await page.GetByRole(AriaRole.Button, new() { Name = "Search" }).ClickAsync();
        ILocator row = page.GetByRole(AriaRole.Row, new() { NameRegex = new Regex("401007 123,457") });
        await Expect(row).ToBeVisibleAsync();
        await row.GetByRole(AriaRole.Link).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "hot_loop" })).ToBeVisibleAsync();
        ILocator instruction = page.GetByRole(AriaRole.Row, new() { NameRegex = new Regex("401007 inc rax") });
        await Expect(instruction).ToContainTextAsync("Set.64 rax");
        await Expect(instruction).ToContainTextAsync("add");
        await Expect(page.GetByRole(AriaRole.Region, new() { Name = "Host code" }).Last).ToContainTextAsync("push rbp");
        await Expect(page.Locator("svg.graph g")).Not.ToHaveCountAsync(0);
    }
}
